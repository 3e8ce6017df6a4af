//! C1, C3, A2: changes that the remote side or the planner refuses.

use super::{FLEET, MADE, expect_error, place};
use terrane_tests::seen;

// C1
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_left_to_its_owner() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let owned = place.sandbox.objects();
    // Somebody else, with a state of their own and the same idea of a name.
    std::fs::rename(place.path().join("terrane.state"), place.path().join("owner.state")).unwrap();
    let refused = place.run(&["apply", "-auto-approve"]).await;
    let words = ["with eks_cluster.core:", "object: 111122223333/eu-west-1/core", "declared at: main.hcl:6"];
    expect_error("name taken", &refused, "object-exists", &words);
    assert_eq!(place.sandbox.objects(), owned);
    place.run(&["destroy", "-auto-approve"]).await.expect(0);
    assert_eq!(place.sandbox.objects(), owned, "what is not recorded is not destroyed");
}

// C3, A2
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_cannot_be_are_refused_by_the_plan() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let (recorded, mark) = (seen::recorded(place.path()), seen::mark(&place.sandbox));
    let version = |version: &str| FLEET.replace("\"1.31\"", &format!("\"{version}\""));
    for (text, words) in [
        (version("1.33"), ["rule: version-skip", "the cluster has version 1.31, and 1.33 skips a minor version"]),
        (version("1.30"), ["rule: version-downgrade", "the cluster has version 1.31, and 1.30 is older"]),
        (version("latest"), ["rule: version-form", "write it as \"1.34\""]),
    ] {
        place.write("main.hcl", &text);
        for command in [&["plan"] as &[&str], &["apply", "-auto-approve"]] {
            let mut words = words.to_vec();
            words.push("on main.hcl line 9, in resource \"eks_cluster\" \"core\":");
            expect_error(words[0], &place.run(command).await, "rule-broken", &words);
        }
    }
    place.write("main.hcl", &version("1.33"));
    let skipped = place.run(&["plan"]).await.expect(1);
    assert!(skipped.err.contains("go to \"1.32\" first"), "{}", skipped.err);
    assert_eq!(seen::changes(&place.sandbox, mark), []);
    assert_eq!(seen::recorded(place.path()), recorded);
}

// A2, C1
#[tokio::test(flavor = "multi_thread")]
async fn replacing_a_cluster_needs_leave_and_takes_its_pools_along() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let mark = seen::mark(&place.sandbox);
    let moved = FLEET.replace("private_subnets\n", "private_subnets\n    service_cidrs = [\"172.21.0.0/16\"]\n");
    place.write("main.hcl", &moved);
    let words = [
        "on main.hcl line 12, in resource \"eks_cluster\" \"core\":",
        "`network.service_cidrs`: it cannot change on a living object",
        "-allow-replace=eks_cluster.core",
    ];
    for command in [&["plan"] as &[&str], &["apply", "-auto-approve"]] {
        expect_error("replacement", &place.run(command).await, "cluster-replace-refused", &words);
    }
    assert_eq!(seen::changes(&place.sandbox, mark), []);

    let allowed = ["apply", "-auto-approve", "-allow-replace=eks_cluster.core"];
    let replaced = place.run(&allowed).await.expect(0);
    assert!(replaced.out.contains("Resources: 2 added, 0 changed, 2 destroyed."), "{}", replaced.out);
    assert_eq!(seen::made(&place.sandbox), MADE);
    let cluster = place.sandbox.object("cluster", "core").unwrap();
    assert_eq!(cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"], "172.21.0.0/16");
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
}

// A2, C1
#[tokio::test(flavor = "multi_thread")]
async fn a_targeted_cluster_takes_part_with_the_network_it_refers_to() {
    let place = place(FLEET).await;
    let targeted = place.run(&["plan", "-target=eks_cluster.core"]).await.expect(0);
    assert!(targeted.out.contains("Plan: 1 to add, 0 to change, 0 to destroy."), "{}", targeted.out);
}

// A2, C1
#[tokio::test(flavor = "multi_thread")]
async fn a_targeted_cluster_that_goes_takes_its_pools_along() {
    let place = place(FLEET).await;
    let target = "-target=eks_cluster.core";
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), MADE);

    place.write(
        "main.hcl",
        &FLEET.replace("private_subnets\n", "private_subnets\n    service_cidrs = [\"172.21.0.0/16\"]\n"),
    );
    let replaced = place.run(&["apply", "-auto-approve", "-allow-replace=eks_cluster.core", target]).await.expect(0);
    assert!(replaced.out.contains("Resources: 2 added, 0 changed, 2 destroyed."), "{}", replaced.out);
    assert_eq!(seen::made(&place.sandbox), MADE);

    let destroyed = place.run(&["destroy", "-auto-approve", target]).await.expect(0);
    assert!(destroyed.out.contains("Resources: 2 destroyed."), "{}", destroyed.out);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
}
