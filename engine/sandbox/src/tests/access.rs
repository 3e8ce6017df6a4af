//! Who may ask: signatures, sessions, permissions, throttling.

use serde_json::{Value, json};

use super::*;
use crate::{Denial, Throttle};

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused_as_each_service_does() {
    let (_sandbox, client) = start().await;
    let wrong = Client { secret: "wrong".to_owned(), ..client.clone() };
    let unknown = Client { key: "AKIANOBODY".to_owned(), ..client };
    assert_eq!(wrong.get("/clusters").await.outcome(), (403, "SignatureDoesNotMatch"));
    assert_eq!(unknown.get("/clusters").await.outcome(), (403, "UnrecognizedClientException"));
    for (service, action) in [("sts", "GetCallerIdentity"), ("iam", "ListRoles")] {
        assert_eq!(wrong.query(service, action, "").await.element("Code"), "SignatureDoesNotMatch");
        assert_eq!(unknown.query(service, action, "").await.element("Code"), "InvalidClientTokenId");
    }
    let answer = wrong.query("ec2", "DescribeVpcs", "").await;
    assert_eq!((answer.status, answer.element("Code")), (401, "AuthFailure"));
}

#[tokio::test]
async fn a_clock_six_minutes_off_is_refused() {
    let (_sandbox, client) = start().await;
    for ahead in [-360.0, 360.0] {
        let answer = Client { ahead, ..client.clone() }.get("/clusters").await;
        assert_eq!(answer.outcome(), (403, "SignatureDoesNotMatch"));
    }
    assert_eq!(Client { ahead: -240.0, ..client }.get("/clusters").await.status, 200);
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let (_sandbox, client) = start().await;
    let mut request = client.signed("eks", "GET", "/clusters", "");
    request.headers.retain(|(name, _)| name != "authorization");
    let answer = send(&client.endpoint, &request).await.expect("answer");
    assert_eq!(answer.outcome(), (403, "MissingAuthenticationTokenException"));
}

async fn deployer_of_b(client: &Client) -> Client {
    let form = format!("RoleArn=arn:aws:iam::{B}:role/terrane-deployer&RoleSessionName=test");
    let answer = client.query("sts", "AssumeRole", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Client {
        key: answer.element("AccessKeyId").to_owned(),
        secret: answer.element("SecretAccessKey").to_owned(),
        token: Some(answer.element("SessionToken").to_owned()),
        ..client.clone()
    }
}

#[tokio::test]
async fn a_role_of_another_account_sees_that_account_until_the_session_ends() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let deployer = deployer_of_b(&client).await;
    let who = deployer.query("sts", "GetCallerIdentity", "").await;
    assert_eq!(who.element("Arn"), format!("arn:aws:sts::{B}:assumed-role/terrane-deployer/test"));
    assert_eq!(deployer.get("/clusters").await.json(), json!({"clusters": []}));
    let without = Client { token: None, ..deployer.clone() };
    assert_eq!(without.get("/clusters").await.outcome(), (403, "UnrecognizedClientException"));
    sandbox.expire_sessions();
    assert_eq!(deployer.get("/clusters").await.outcome(), (403, "ExpiredTokenException"));
    assert_eq!(deployer.query("sts", "GetCallerIdentity", "").await.element("Code"), "ExpiredToken");
}

#[tokio::test]
async fn a_registered_web_identity_token_needs_no_signature() {
    let config = SandboxConfig { web_identity_tokens: vec!["known".to_owned()], ..SandboxConfig::default() };
    let (_sandbox, client) = start_with(config).await;
    let ask = |token: &str| {
        let body = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::{A}:role/terrane-deployer\
             &RoleSessionName=ci&WebIdentityToken={token}"
        );
        let mut request = client.signed("sts", "POST", "/", &body);
        request.headers.retain(|(name, _)| name != "authorization");
        request
    };
    let known = send(&client.endpoint, &ask("known")).await.expect("answer");
    assert!(known.element("AccessKeyId").starts_with("ASIA"), "{}", known.text);
    let other = send(&client.endpoint, &ask("other")).await.expect("answer");
    assert_eq!(other.element("Code"), "InvalidIdentityToken");
}

#[tokio::test]
async fn the_bearer_token_of_a_cluster_can_be_checked_by_replaying_it() {
    let (_sandbox, client) = start().await;
    let timestamp = crate::clock::iso(real_seconds()).replace(['-', ':'], "");
    let date: String = timestamp.chars().take(8).collect();
    let query = format!(
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{date}%2F\
         {REGION}%2Fsts%2Faws4_request&X-Amz-Date={timestamp}&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
        client.key
    );
    let mut request = Incoming {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query,
        headers: [("host", "sts.eu-west-1.amazonaws.com"), ("x-k8s-aws-id", "c"), ("accept", "application/json")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: Bytes::new(),
    };
    let claim = Claim {
        access_key_id: client.key.clone(),
        date,
        region: REGION.to_owned(),
        service: "sts".to_owned(),
        signed_headers: vec!["host".to_owned(), "x-k8s-aws-id".to_owned()],
        signature: String::new(),
        timestamp,
        token: None,
        expires: Some(60),
    };
    let signed = signature(&request, &claim, &client.secret);
    request.query.push_str(&format!("&X-Amz-Signature={signed}"));
    let answer = send(&client.endpoint, &request).await.expect("answer");
    let account = answer.json();
    let account = account.pointer("/GetCallerIdentityResponse/GetCallerIdentityResult/Account");
    assert_eq!(account, Some(&json!(A)));
    request.headers[1].1 = "another-cluster".to_owned();
    assert_eq!(send(&client.endpoint, &request).await.expect("answer").status, 403);
}

#[tokio::test]
async fn a_denied_action_is_refused_in_the_words_of_the_service() {
    let (sandbox, client) = start().await;
    sandbox.deny(Denial { principal: Some(client.key.clone()), action: "eks:CreateCluster".to_owned() });
    let answer = client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!(answer.outcome(), (403, "AccessDeniedException"));
    let text = format!(
        "User: arn:aws:iam::{A}:user/sandbox is not authorized to perform: eks:CreateCluster on resource: \
         arn:aws:eks:{REGION}:{A}:cluster/c"
    );
    assert_eq!(answer.json()["message"], json!(text));
    assert_eq!(client.get("/clusters").await.status, 200);
    sandbox.deny(Denial { principal: None, action: "ec2:*".to_owned() });
    assert_eq!(client.query("ec2", "DescribeVpcs", "").await.element("Code"), "UnauthorizedOperation");
}

#[tokio::test]
async fn an_empty_bucket_says_when_to_come_again() {
    let (sandbox, client) = start().await;
    sandbox.throttle(Some("eks"), Some(Throttle { per_second: 0.1, burst: 1.0 }));
    assert_eq!(client.get("/clusters").await.status, 200);
    let answer = client.get("/clusters").await;
    assert_eq!(answer.outcome(), (429, "ThrottlingException"));
    assert_eq!(answer.header("retry-after"), "10");
    let elsewhere = Client { region: "us-east-1".to_owned(), ..client.clone() };
    assert_eq!(elsewhere.get("/clusters").await.status, 200);
    pass(&sandbox, 10);
    assert_eq!(client.get("/clusters").await.status, 200);
}

#[tokio::test]
async fn roles_are_kept_while_policies_hang_on_them() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    let again = role(&client, "control", "eks.amazonaws.com").await;
    assert_eq!((again.status, again.element("Code")), (409, "EntityAlreadyExists"));
    let kept = client.query("iam", "DeleteRole", "RoleName=control").await;
    assert_eq!((kept.status, kept.element("Code")), (409, "DeleteConflict"));
    let form = "RoleName=control&PolicyArn=arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";
    client.query("iam", "DetachRolePolicy", form).await;
    assert_eq!(client.query("iam", "DeleteRole", "RoleName=control").await.status, 200);
    let gone = client.query("iam", "GetRole", "RoleName=control").await;
    assert_eq!((gone.status, gone.element("Code")), (404, "NoSuchEntity"));
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_refused_in_the_form_of_the_service() {
    let (_sandbox, client) = start().await;
    let answer = client.eks("GET", "/addons/supported-versions", Value::Null).await;
    assert_eq!(answer.outcome(), (404, "UnknownOperationException"));
    assert_eq!(client.query("iam", "CreateUser", "UserName=x").await.element("Code"), "InvalidAction");
    let unknown = client.query("ec2", "DescribeVpcs", "Colour=red").await;
    assert_eq!(unknown.element("Code"), "UnknownParameter");
}
