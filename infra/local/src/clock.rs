//! The host's clock: it follows the machine's time, or stands still at an instant that it was set to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use domain::time::cut_to_millisecond;
use jiff::Timestamp;

use crate::replace_file;

/// A clock that can be set. The instant that it is set to survives a restart.
#[derive(Debug)]
pub struct Clock {
    set_to: Mutex<Option<Timestamp>>,
    file: Option<PathBuf>,
}

impl Clock {
    /// Opens the clock as it was left.
    pub fn open(file: Option<PathBuf>) -> anyhow::Result<Self> {
        let set_to = match &file {
            Some(path) if path.exists() => Some(read(path)?),
            _ => None,
        };
        Ok(Self { set_to: Mutex::new(set_to), file })
    }

    /// The instant that it stands at, or the machine's time.
    pub fn now(&self) -> Timestamp {
        self.set_to().unwrap_or_else(|| cut_to_millisecond(Timestamp::now()))
    }

    /// The instant that it was set to, if it was set.
    pub fn set_to(&self) -> Option<Timestamp> {
        *self.set_to.lock().expect("no holder of this lock panics")
    }

    /// Makes it stand still at an instant, which may be in the past.
    pub fn set(&self, instant: Timestamp) -> anyhow::Result<()> {
        let instant = cut_to_millisecond(instant);
        let mut set_to = self.set_to.lock().expect("no holder of this lock panics");
        if let Some(file) = &self.file {
            replace_file(file, instant.to_string().as_bytes())?;
        }
        *set_to = Some(instant);
        Ok(())
    }

    /// Makes it follow the machine's time, also after a restart.
    pub fn release(&self) -> anyhow::Result<()> {
        let mut set_to = self.set_to.lock().expect("no holder of this lock panics");
        if let Some(file) = self.file.as_deref().filter(|file| file.exists()) {
            fs::remove_file(file).with_context(|| format!("{} cannot be removed", file.display()))?;
        }
        *set_to = None;
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Timestamp> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let instant = text
        .trim()
        .parse()
        .with_context(|| format!("{} holds no instant; without it, time is the machine's", path.display()))?;
    Ok(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_set_it_stands_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = Some(folder.path().join("clock"));
        let clock = Clock::open(file.clone()).unwrap();
        assert!(clock.set_to().is_none());
        let instant = "2027-12-22T00:00:00.123Z".parse().unwrap();
        clock.set(instant).unwrap();
        assert_eq!(Clock::open(file).unwrap().now(), instant);
    }

    #[test]
    fn once_released_it_follows_the_machine_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = Some(folder.path().join("clock"));
        let clock = Clock::open(file.clone()).unwrap();
        clock.release().unwrap();
        clock.set("2027-12-22T00:00:00Z".parse().unwrap()).unwrap();
        clock.release().unwrap();
        let before = cut_to_millisecond(Timestamp::now());
        assert!(clock.set_to().is_none() && clock.now() >= before);
        assert!(Clock::open(file).unwrap().set_to().is_none());
    }
}
