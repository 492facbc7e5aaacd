//! The tours of README.md and docs/tour.md work as they are printed.
//!
//! The blocks tagged `sh` in the section `## A tour` run in order in one shell, from the repository's root, against a host with
//! the demo organization. A block tagged `console`, `text` or `json` after one of them is its expected output, in which `…`
//! stands for any text. White space in `json` is ignored, so that the page can format it. The printed default address is replaced
//! by that of the test's host.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use scenarios::World;
use tokio::process::Command;
use tokio::time::timeout;

/// The address in the tours.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// The shell prints this line after each step. No step may print it.
const END_OF_STEP: &str = "==== end of step ====\n";
/// The longest that a tour may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Commands, and their expected output.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    script: String,
    expected: Option<Expected>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Text(String),
    Json(String),
}

/// The steps of the tour.
fn steps_of(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (tag, content) in blocks_of(page) {
        let expected = match tag {
            "sh" => {
                steps.push(Step { script: content, expected: None });
                continue;
            }
            "json" => Expected::Json(content),
            "console" | "text" => Expected::Text(content),
            _ => continue,
        };
        let step = steps.last_mut().expect("an output block follows a step");
        assert!(step.expected.is_none(), "a step has one output block:\n{}", step.script);
        step.expected = Some(expected);
    }
    steps
}

/// The fenced blocks of the section `## A tour`: their tags and contents.
fn blocks_of(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut block: Option<(&str, String)> = None;
    let mut in_tour = false;
    for line in page.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(block.take().filter(|_| in_tour)),
            (Some((_, content)), None) => content.extend([line, "\n"]),
            (None, Some(tag)) => block = Some((tag.trim(), String::new())),
            (None, None) if line.starts_with("## ") => in_tour = line.trim_end() == "## A tour",
            (None, None) => {}
        }
    }
    blocks
}

impl Expected {
    /// Whether the printed text is the expected one.
    fn fits(&self, printed: &str) -> bool {
        match self {
            Self::Text(pattern) => fits(pattern.trim_end(), printed.trim_end()),
            Self::Json(pattern) => fits(&without_space(pattern), &without_space(printed)),
        }
    }
}

/// Whether a text matches the pattern, in which `…` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(start) else { return false };
    let mut pieces: Vec<_> = rest.split('…').collect();
    let end = pieces.pop().expect("a split has a part");
    for piece in pieces {
        let Some(place) = left.find(piece) else { return false };
        left = &left[place + piece.len()..];
    }
    left.ends_with(end)
}

/// JSON without the white space outside its strings.
fn without_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&character| {
            let keep = in_string || !character.is_whitespace();
            let closes_or_opens = character == '"' && !escaped;
            escaped = in_string && character == '\\' && !escaped;
            in_string ^= closes_or_opens;
            keep
        })
        .collect()
}

/// Runs the steps in one shell. The error names the first step that failed or printed something else.
async fn walk(steps: &[Step], address: &str) -> Result<(), String> {
    let end_of_step = format!("echo '{}'\n", END_OF_STEP.trim_end());
    let mut script = String::from("set -eu\n");
    for step in steps {
        script.extend([step.script.as_str(), &end_of_step]);
    }
    let shell = Command::new("bash")
        .args(["-c", &script.replace(ADDRESS, address)])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, shell).await.map_err(|_| "the tour takes too long")?;
    let output = output.map_err(|problem| format!("bash: {problem}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).replace(address, ADDRESS);
    let complaints = String::from_utf8_lossy(&output.stderr);

    let mut left = printed.as_str();
    for Step { script, expected } in steps {
        let Some((printed, rest)) = left.split_once(END_OF_STEP) else {
            return Err(format!("this step failed:\n{script}\nit printed:\n{left}\n{complaints}"));
        };
        if let Some(expected) = expected
            && !expected.fits(printed)
        {
            return Err(format!(
                "this step:\n{script}\nprinted:\n{printed}\n{complaints}instead of {expected:#?}"
            ));
        }
        left = rest;
    }
    Ok(())
}

#[tokio::test]
async fn the_readmes_tour_works_as_printed_and_again() {
    works_as_printed_and_again("README.md", 4).await;
}

#[tokio::test]
async fn the_long_tour_works_as_printed_and_again() {
    works_as_printed_and_again("docs/tour.md", 21).await;
}

/// Runs the tour of a page twice. The page must have this number of steps, so that none is lost unnoticed.
async fn works_as_printed_and_again(page: &str, steps_of_page: usize) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let steps = steps_of(&std::fs::read_to_string(page).expect("the page is there"));
    assert_eq!(steps.len(), steps_of_page);
    let world = World::demo().await;
    for time in ["first", "second"] {
        if let Err(problem) = walk(&steps, world.host.url()).await {
            panic!("the {time} time: {problem}");
        }
        assert_eq!(world.host.machine().clock.set_to(), None, "afterwards the clock runs");
    }
    world.operator.assert_books_balance("demo").await;
}

const SMALL: &str = r#"
```sh
exit 1 # before the tour
```
## A tour
Set up:
```sh
HOST=http://127.0.0.1:8080
JSON='content-type: application/json'
TOKEN=$(curl -sS "$HOST/_local/token" -H "$JSON" -H 'accept: text/plain' -d '{"role": "operator"}')
```
Look:

```sh
# ## Not a heading
curl -sS "$HOST/v1/accounts/demo" -H "authorization: Bearer $TOKEN"
```
It says
```json
{
  "accountId": "demo", …"currency": "EUR", …
}
```
### More
```sh
echo "The host is at $HOST."
```
```console
The host is at http://127.0.0.1:8080.
```
```rust
fn nothing() {}
```
## Afterwards
```sh
exit 1
```
"#;

#[test]
fn a_step_is_its_commands_and_their_output() {
    let steps = steps_of(SMALL);
    assert_eq!(steps.len(), 3);
    assert!(steps[0].script.starts_with("HOST=http://127.0.0.1:8080\nJSON="));
    assert_eq!(steps[0].expected, None);
    assert!(matches!(&steps[1].expected, Some(Expected::Json(json)) if json.contains("EUR")));
    let text = "The host is at http://127.0.0.1:8080.\n".to_owned();
    assert_eq!(steps[2].expected, Some(Expected::Text(text)));
}

#[tokio::test]
async fn a_tour_runs_in_one_shell() {
    let world = World::demo().await;
    walk(&steps_of(SMALL), world.host.url()).await.expect("it works");
}

#[tokio::test]
async fn the_error_of_a_wrong_tour_names_the_step() {
    let address = "http://127.0.0.1:1";
    let tour = |steps: &str| steps_of(&format!("## A tour\n{steps}"));
    let failing = walk(&tour("```sh\necho one\n```\n```sh\necho two\nfalse\n```"), address).await;
    let said = failing.expect_err("false fails");
    assert!(said.contains("failed:\necho two\nfalse\n") && said.contains("printed:\ntwo\n"), "{said}");

    let other = walk(&tour("```sh\necho one\n```\n```text\ntwo\n```"), address).await;
    let said = other.expect_err("one is not two");
    assert!(said.contains("printed:\none\n") && said.contains("two"), "{said}");

    walk(&tour("```sh\necho $UNSET\n```"), address).await.expect_err("an unset variable is an error");
}

#[test]
fn an_ellipsis_stands_for_any_text() {
    for (pattern, text) in [
        ("one", "one"),
        ("…", ""),
        ("a…", "a and\nmore"),
        ("…z", "from a to z"),
        ("a…b…c", "a b c b c"),
        ("a…a", "aa"),
    ] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("one", "two"), ("a…", "b"), ("a…a", "a"), ("a…b…c", "a c b"), ("", "a")]
    {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn white_space_in_json_is_ignored_outside_strings() {
    let pattern = Expected::Json("{\n  \"a b\": [1, \"c \\\" d\"],\n  …\n}\n".to_owned());
    assert!(pattern.fits(r#"{"a b":[1,"c \" d"],"e":null}"#));
    assert!(!pattern.fits(r#"{"ab":[1,"c \" d"],"e":null}"#));
    assert!(!pattern.fits(r#"{"a b":[1,"c \"d"],"e":null}"#));
}
