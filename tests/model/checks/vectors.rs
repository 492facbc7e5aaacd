//! The model gives exactly the worked examples.

use model::{Model, worked_examples};

#[test]
fn the_model_gives_the_worked_examples() {
    let mut differences = Vec::new();
    for vector in worked_examples() {
        let mut model = Model::open(vector.currency, vector.billing, vector.opened_at);
        for (number, step) in vector.steps.iter().enumerate() {
            let place = format!("{}, step {}", vector.name, number + 1);
            let answer = model.apply(step.at, &step.step);
            if step.answer.as_ref().is_some_and(|expected| *expected != answer) {
                differences.push(format!("{place}: the answer must be {:?}, but is {answer:?}", step.answer));
            }
            let states = step.then.differences(&model.snapshot(step.at));
            differences.extend(states.into_iter().map(|state| format!("{place}: {state}")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_worked_example_of_spending_is_there() {
    let vectors = worked_examples();
    for number in 1..=17 {
        let name = format!("V{number}");
        let is_case_of_it = |case: &str| case == name || case.starts_with(&format!("{name},"));
        assert!(vectors.iter().any(|vector| is_case_of_it(&vector.name)), "{name} is missing");
    }
}
