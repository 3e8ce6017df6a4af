//! A3: roles, assumed with a web identity token as CI runners have one, or with keys.

use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

const TOKEN: &str = "header.claims-of-the-runner.signature";
const ROLE: &str = "arn:aws:iam::111122223333:role/terrane-deployer";

const NETWORK: &str = r#"
data "eks_network" "of" {
  region = "eu-west-1"
  filter = { "tag:team" = "platform" }
}

output "vpc" {
  value = data.eks_network.of.vpc
}
"#;

/// A place without keys, where the role is all there is.
async fn place() -> Place {
    let tokens = vec![TOKEN.into()];
    let config = SandboxConfig { web_identity_tokens: tokens, clock_rate: 1_000, ..SandboxConfig::default() };
    let mut place = Place::start(config).await;
    place.environment.retain(|(name, _)| !name.contains("ACCESS_KEY"));
    place.write("token", TOKEN);
    place.write("main.hcl", NETWORK);
    place
}

/// Plans, and checks that every request came from the role.
async fn plan_as_the_role(place: &Place) {
    let plan = place.run(&["plan", "-input=false"]).await.expect(0);
    assert!(!plan.out.contains(TOKEN) && !plan.err.contains(TOKEN), "the token is printed");
    let log = place.sandbox.log();
    assert!(log.iter().any(|request| request.operation == "AssumeRoleWithWebIdentity"));
    let signed: Vec<&str> =
        log.iter().filter(|r| r.service == "ec2").map(|request| request.caller_arn.as_str()).collect();
    assert!(
        !signed.is_empty() && signed.iter().all(|arn| arn.contains("assumed-role/terrane-deployer/")),
        "{signed:?}"
    );
}

#[tokio::test]
async fn the_provider_block_names_a_token_file() {
    let place = place().await;
    let block = format!("provider \"eks\" {{\n  role_arn = \"{ROLE}\"\n  web_identity_token_file = \"token\"\n}}\n");
    place.write("provider.hcl", &block);
    plan_as_the_role(&place).await;
}

#[tokio::test]
async fn the_address_of_sts_that_is_written_is_asked() {
    let mut place = place().await;
    let endpoint = place.sandbox.endpoint().to_owned();
    place.environment.retain(|(name, _)| name != "AWS_ENDPOINT_URL" && name != "TERRANE_CLOCK_RATE");
    let block = format!(
        "provider \"eks\" {{\n  role_arn = \"{ROLE}\"\n  web_identity_token_file = \"token\"\n  endpoints {{\n    \
         ec2 = \"{endpoint}\"\n    sts = \"{endpoint}\"\n  }}\n}}\n"
    );
    place.write("provider.hcl", &block);
    plan_as_the_role(&place).await;
}

#[tokio::test]
async fn the_environment_names_a_token_file() {
    let mut place = place().await;
    let file = place.path().join("token").to_string_lossy().into_owned();
    place.environment.push(("AWS_WEB_IDENTITY_TOKEN_FILE".into(), file));
    place.environment.push(("AWS_ROLE_ARN".into(), ROLE.into()));
    plan_as_the_role(&place).await;
}

#[tokio::test]
async fn a_token_that_is_not_accepted_says_so_and_is_not_shown() {
    let place = place().await;
    place.write("token", "header.of-somebody-else.signature");
    let block = format!("provider \"eks\" {{\n  role_arn = \"{ROLE}\"\n  web_identity_token_file = \"token\"\n}}\n");
    place.write("provider.hcl", &block);
    let plan = place.run(&["plan", "-input=false"]).await.expect(1);
    assert!(plan.err.contains("could not be validated"), "{}", plan.err);
    assert!(!plan.err.contains("of-somebody-else"), "the token is printed");
}

#[tokio::test]
async fn an_sts_that_cannot_be_reached_is_named() {
    let mut place = place().await;
    place.environment.push(("AWS_ACCESS_KEY_ID".into(), "AKIANOBODY".into()));
    place.environment.push(("AWS_SECRET_ACCESS_KEY".into(), "nothing".into()));
    for line in ["", "  web_identity_token_file = \"token\"\n"] {
        // Port 9 of loopback is closed: nothing listens for `discard` any more.
        let endpoints = "  endpoints {\n    sts = \"http://127.0.0.1:9\"\n  }\n";
        place.write("provider.hcl", &format!("provider \"eks\" {{\n  role_arn = \"{ROLE}\"\n{line}{endpoints}}}\n"));
        let plan = place.run(&["plan", "-input=false"]).await.expect(1);
        assert!(plan.err.contains("cannot reach STS"), "{}", plan.err);
    }
}
