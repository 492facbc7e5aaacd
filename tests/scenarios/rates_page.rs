//! The page of the published rates (S5).

use reqwest::Method;
use scenarios::World;

async fn page(world: &World, path: &str, status: u16) -> String {
    let answer = world.operator.send_text(Method::GET, path, &[], "").await;
    answer.expect(status).as_str().expect("a page").to_owned()
}

#[track_caller]
fn assert_says(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
}

async fn world() -> World {
    let world = World::start().await;
    world.set_time("2026-11-22T12:00:00Z");
    world
}

#[tokio::test]
async fn s5_the_page_finds_the_rate_of_a_number() {
    let world = world().await;
    let of_every_service =
        page(&world, "/rates?number=%2B33123456789&service=&currency=&country=", 200).await;
    assert_says(
        &of_every_service,
        &["<h2 id=\"number-title\">+33123456789</h2>", "0.0190 EUR", "tollFreeIn"],
    );
    let of_one = page(&world, "/rates?number=33123456789&service=userOut&currency=jpy&country=fr", 200).await;
    assert_says(&of_one, &["3.08 JPY", "<option selected>userOut</option>", "value=\"FR\""]);
    let none = page(&world, "/rates?number=9990001234", 200).await;
    assert_says(&none, &["There is no rate for this number."]);
}

#[tokio::test]
async fn s5_the_page_lists_the_rates() {
    let world = world().await;
    assert_says(&page(&world, "/", 200).await, &["href=\"/rates\""]);
    let first = page(&world, "/rates", 200).await;
    assert_says(&first, &["tollFreeIn", "rel=\"next\""]);
    let (_, next) = first.split_once("<a href=\"/rates?").expect("a link to the next page");
    let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let second = page(&world, &format!("/rates?{next}"), 200).await;
    assert_ne!(first, second);
    let japan = page(&world, "/rates?service=userOut&country=JP", 200).await;
    assert_says(&japan, &["0.0390 EUR", "2025-01-01 00:00", "0.0410 EUR", "2027-01-01 00:00"]);
    assert!(!japan.contains("rel=\"next\""));
    assert_says(&page(&world, "/rates?country=ZZ", 200).await, &["There are no such rates."]);
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field() {
    let world = world().await;
    let wrong = page(&world, "/rates?number=abc&currency=XAU&country=France&cursor=x&service=fax", 422).await;
    assert_says(
        &wrong,
        &[
            "id=\"number-hint\">expected an E.164 number",
            "id=\"currency-hint\">expected an ISO 4217",
            "id=\"country-hint\">expected two capital letters",
            "expected tollFreeIn",
            "The next page: expected",
        ],
    );
}
