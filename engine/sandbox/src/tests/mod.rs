//! The sandbox driven over HTTP by a small signing client. One behaviour per test; time moves only when a test says so.

mod access;
mod control;
mod eks;
mod faults;
mod kms;
mod network;

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::aws::sigv4::{Claim, signature};
use crate::clock::real_seconds;
use crate::server::Incoming;
use crate::{Sandbox, SandboxConfig};

pub(super) const A: &str = "111122223333";
pub(super) const B: &str = "444455556666";
pub(super) const REGION: &str = "eu-west-1";

/// Credentials and region of a client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    endpoint: String,
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
    pub(super) region: String,
    /// Seconds by which its clock is ahead.
    pub(super) ahead: f64,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|problem| panic!("{problem}: {}", self.text))
    }

    /// Status and error code of a REST-JSON answer.
    pub(super) fn outcome(&self) -> (u16, &str) {
        (self.status, self.header("x-amzn-errortype"))
    }

    /// Text of the first element of a name.
    pub(super) fn element(&self, name: &str) -> &str {
        let start = self.text.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
        start.split_once(&format!("</{name}>")).map_or("", |(value, _)| value)
    }

    pub(super) fn count(&self, element: &str) -> usize {
        self.text.matches(&format!("<{element}>")).count()
    }
}

pub(super) type Sent = Result<Answer, Box<dyn std::error::Error + Send + Sync>>;

/// Sends a request as it is.
pub(super) async fn send(endpoint: &str, request: &Incoming) -> Sent {
    let address = endpoint.trim_start_matches("http://");
    let stream = TokioIo::new(tokio::net::TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut built = hyper::Request::builder().method(request.method.as_str()).uri(format!("{}{query}", request.path));
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    let response = sender.send_request(built.body(Full::new(request.body.clone()))?).await?;
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() })
}

impl Client {
    pub(super) fn signed(&self, service: &str, method: &str, target: &str, body: &str) -> Incoming {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let seconds = real_seconds() + self.ahead;
        let timestamp = crate::clock::iso(seconds).replace(['-', ':'], "");
        let mut headers = vec![
            ("host".to_owned(), self.endpoint.trim_start_matches("http://").to_owned()),
            ("x-amz-date".to_owned(), timestamp.clone()),
        ];
        headers.extend(self.token.clone().map(|token| ("x-amz-security-token".to_owned(), token)));
        let mut request = Incoming {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Bytes::from(body.to_owned()),
        };
        let claim = Claim {
            access_key_id: self.key.clone(),
            date: timestamp.chars().take(8).collect(),
            region: self.region.clone(),
            service: service.to_owned(),
            signed_headers: request.headers.iter().map(|(name, _)| name.clone()).collect(),
            signature: String::new(),
            timestamp,
            token: None,
            expires: None,
        };
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}/{}/{service}/aws4_request, SignedHeaders={}, Signature={}",
            self.key,
            claim.date,
            self.region,
            claim.signed_headers.join(";"),
            signature(&request, &claim, &self.secret),
        );
        request.headers.push(("authorization".to_owned(), header));
        request
    }

    pub(super) async fn try_eks(&self, method: &str, target: &str, body: &Value) -> Sent {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(&self.endpoint, &self.signed("eks", method, target, &body)).await
    }

    pub(super) async fn eks(&self, method: &str, target: &str, body: Value) -> Answer {
        self.try_eks(method, target, &body).await.expect("answer")
    }

    pub(super) async fn get(&self, target: &str) -> Answer {
        self.eks("GET", target, Value::Null).await
    }

    /// A query request; `form` is the encoded form without action and version.
    pub(super) async fn query(&self, service: &str, action: &str, form: &str) -> Answer {
        let version = match service {
            "ec2" => "2016-11-15",
            "iam" => "2010-05-08",
            _ => "2011-06-15",
        };
        let body = format!("Action={action}&Version={version}&{form}");
        send(&self.endpoint, &self.signed(service, "POST", "/", &body)).await.expect("answer")
    }

    pub(super) async fn control(&self, method: &str, topic: &str, body: Value) -> Answer {
        let request = Incoming {
            method: method.to_owned(),
            path: format!("/_sandbox/{topic}"),
            query: String::new(),
            headers: vec![("host".to_owned(), "localhost".to_owned())],
            body: Bytes::from(body.to_string()),
        };
        send(&self.endpoint, &request).await.expect("answer")
    }
}

/// A sandbox whose clock stands nearly still, and a client of its first account.
pub(super) async fn start() -> (Sandbox, Client) {
    start_with(SandboxConfig::default()).await
}

pub(super) async fn start_with(config: SandboxConfig) -> (Sandbox, Client) {
    let seed = config.accounts[0].clone();
    let sandbox = Sandbox::start(config).await.expect("sandbox");
    let client = Client {
        endpoint: sandbox.endpoint().to_owned(),
        key: seed.access_key_id,
        secret: seed.secret_access_key,
        token: None,
        region: REGION.to_owned(),
        ahead: 0.0,
    };
    (sandbox, client)
}

pub(super) fn pass(sandbox: &Sandbox, seconds: u64) {
    sandbox.advance_clock(Duration::from_secs(seconds));
}

/// Names of the private subnets of the platform network, one in each zone.
pub(super) fn subnets(sandbox: &Sandbox) -> Vec<String> {
    let objects = sandbox.objects().into_iter();
    let private = objects.filter(|object| {
        let name = object.value.pointer("/tags/Name").and_then(Value::as_str).unwrap_or("");
        object.account == A && object.region == REGION && object.object_type == "subnet" && name.contains("private")
    });
    private.map(|object| object.name).collect()
}

pub(super) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{A}:role/{name}")
}

async fn role(client: &Client, name: &str, service: &str) -> Answer {
    let trust = format!(
        "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22{service}%22%7D\
         %2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"
    );
    client.query("iam", "CreateRole", &format!("RoleName={name}&AssumeRolePolicyDocument={trust}")).await
}

pub(super) async fn attach(client: &Client, name: &str, policy: &str) -> Answer {
    let form = format!("RoleName={name}&PolicyArn=arn:aws:iam::aws:policy/{policy}");
    client.query("iam", "AttachRolePolicy", &form).await
}

/// The roles `control` and `nodes`, known everywhere.
pub(super) async fn roles(sandbox: &Sandbox, client: &Client) {
    role(client, "control", "eks.amazonaws.com").await;
    role(client, "nodes", "ec2.amazonaws.com").await;
    pass(sandbox, 60);
    attach(client, "control", "AmazonEKSClusterPolicy").await;
    attach(client, "nodes", "AmazonEKSWorkerNodePolicy").await;
    attach(client, "nodes", "AmazonEC2ContainerRegistryPullOnly").await;
    pass(sandbox, 60);
}

pub(super) fn cluster_body(sandbox: &Sandbox, name: &str) -> Value {
    json!({"name": name, "roleArn": role_arn("control"), "resourcesVpcConfig": {"subnetIds": subnets(sandbox)}})
}

/// An ACTIVE cluster named `c`.
pub(super) async fn cluster(sandbox: &Sandbox, client: &Client, version: &str) {
    roles(sandbox, client).await;
    let mut body = cluster_body(sandbox, "c");
    body["version"] = json!(version);
    let answer = client.eks("POST", "/clusters", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    pass(sandbox, 600);
}

pub(super) fn group_body(sandbox: &Sandbox, name: &str) -> Value {
    json!({"nodegroupName": name, "nodeRole": role_arn("nodes"), "subnets": subnets(sandbox)})
}

/// An ACTIVE node group of the cluster `c`.
pub(super) async fn group(sandbox: &Sandbox, client: &Client, name: &str) {
    let answer = client.eks("POST", "/clusters/c/node-groups", group_body(sandbox, name)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    pass(sandbox, 180);
}
