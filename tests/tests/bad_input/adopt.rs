//! What cannot be taken over, moved or left out: refused before anything is asked to change.

use super::{FLEET, MADE, expect_error, place};
use terrane_tests::place::Place;
use terrane_tests::seen;

/// The fleet, made by somebody who keeps the state.
async fn unrecorded() -> Place {
    let place = place(FLEET).await;
    let made = place.run(&["apply", "-auto-approve"]).await;
    assert_eq!(made.code, Some(0), "{}\n{}", made.out, made.err);
    std::fs::rename(place.path().join("terrane.state"), place.path().join("kept")).unwrap();
    place
}

fn import(to: &str, id: &str) -> String {
    format!("import {{\n  to = {to}\n  id = \"{id}\"\n}}\n")
}

const CORE: &str = "111122223333/eu-west-1/core";
const POOL: &str = "111122223333/eu-west-1/core/workers";

// A5, A9
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_cannot_be_is_refused_and_a_right_one_changes_nothing() {
    let place = unrecorded().await;
    let requests = place.sandbox.mutating_requests();
    let both = import("eks_cluster.core", CORE) + &import("eks_node_pool.workers", POOL);
    let other = FLEET.replace("name    = \"core\"", "name    = \"edge\"");
    let cases = [
        (
            "another form",
            FLEET.to_owned() + &import("eks_cluster.core", "arn:aws:eks:x"),
            "import-id-invalid",
            "ACCOUNT/REGION/NAME",
        ),
        (
            "not there",
            FLEET.to_owned() + &import("eks_cluster.core", "111122223333/eu-west-1/none"),
            "import-not-there",
            "none",
        ),
        (
            "another account",
            FLEET.to_owned() + &import("eks_cluster.core", "444455556666/eu-west-1/core"),
            "wrong-scope",
            "444455556666",
        ),
        (
            "another region",
            FLEET.to_owned() + &import("eks_cluster.core", "111122223333/us-east-1/core"),
            "import-not-there",
            "us-east-1",
        ),
        (
            "another cluster",
            other + &import("eks_node_pool.workers", POOL),
            "import-other-object",
            "111122223333/eu-west-1/edge/workers",
        ),
        ("twice", FLEET.to_owned() + &both + &import("eks_cluster.core", "core"), "import-twice", "eks_cluster.core"),
        ("no block", import("eks_cluster.core", CORE), "import-not-configured", "-generate-config-out"),
    ];
    for (case, text, id, word) in cases {
        place.write("main.hcl", &text);
        expect_error(case, &place.run(&["apply", "-auto-approve"]).await, id, &[word]);
    }
    place.write("main.hcl", &(FLEET.to_owned() + &both));
    let plan = place.run(&["plan", "-detailed-exitcode"]).await;
    assert_eq!(plan.code, Some(2), "{}\n{}", plan.out, plan.err);
    assert!(plan.out.contains("  # eks_cluster.core will be imported\n"), "{}", plan.out);
    assert!(plan.out.contains("Plan: 2 to import, 0 to add, 0 to change, 0 to destroy."), "{}", plan.out);
    super::finish("imported", &place).await;
    assert_eq!(place.sandbox.mutating_requests(), requests);

    let renamed =
        FLEET.replace("eks_cluster\" \"core", "eks_cluster\" \"main").replace("eks_cluster.core", "eks_cluster.main");
    place.write("main.hcl", &(renamed + &import("eks_cluster.main", CORE)));
    expect_error("recorded", &place.run(&["plan"]).await, "import-recorded", &["moved { from = eks_cluster.core"]);
    assert_eq!(seen::made(&place.sandbox), MADE);
}

// A5
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_plan_that_cannot_be_are_refused() {
    let place = place("resource \"terrane_data\" \"a\" {\n  input = 1\n}\n").await;
    let cases: [(&[&str], &str, &str); 4] = [
        (&["plan", "-target=terrane_data.a", "-exclude=terrane_data.a"], "usage", "exclude each other"),
        (&["plan", "-exclude-file=none.txt"], "file-not-read", "none.txt"),
        (&["plan", "-exclude=terrane_data"], "invalid-address", "terrane_data"),
        (&["plan", "-exclude=terrane_data.a[0]"], "exclude-matches-nothing", "terrane_data.a[0]"),
    ];
    for (arguments, id, word) in cases {
        expect_error(&arguments.join(" "), &place.run(arguments).await, id, &[word]);
    }
    place.write("left.txt", "# not now\n\nterrane_data.a\n");
    let plan = place.run(&["plan", "-exclude-file=left.txt"]).await;
    assert_eq!(plan.code, Some(0), "{}\n{}", plan.out, plan.err);
    assert!(plan.out.contains("Left out by -exclude: 1 named, 0 that cannot go without them"), "{}", plan.out);
}
