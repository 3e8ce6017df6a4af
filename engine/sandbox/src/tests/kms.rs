//! KMS answers as the vendor documents it.

use super::*;
use crate::world::Drift;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

async fn kms(client: &Client, operation: &str, body: Value) -> Answer {
    let mut request = client.signed("kms", "POST", "/", &body.to_string());
    request.headers.push(("x-amz-target".to_owned(), format!("TrentService.{operation}")));
    send(&client.endpoint, &request).await.expect("answer")
}

fn code(answer: &Answer) -> String {
    answer.json().pointer("/__type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn body(key: &str, context: &str) -> Value {
    json!({"KeyId": key, "EncryptionContext": {"purpose": context}})
}

#[tokio::test]
async fn a_ciphertext_is_bound_to_its_key_and_context() {
    let (_sandbox, client) = start().await;
    let mut request = body("alias/terrane", "a");
    request["Plaintext"] = json!(STANDARD.encode("data key"));
    let answer = kms(&client, "Encrypt", request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sealed = answer.json()["CiphertextBlob"].clone();
    let with = |key: &str, context: &str, blob: &Value| {
        let mut request = body(key, context);
        request["CiphertextBlob"] = blob.clone();
        request
    };
    let opened = kms(&client, "Decrypt", with("alias/terrane", "a", &sealed)).await;
    assert_eq!(opened.json()["Plaintext"], json!(STANDARD.encode("data key")));
    let other = kms(&client, "Decrypt", with("alias/terrane", "b", &sealed)).await;
    assert_eq!((other.status, code(&other).as_str()), (400, "InvalidCiphertextException"));
    let other = kms(&client, "Decrypt", with("alias/other", "a", &sealed)).await;
    assert_eq!(code(&other), "IncorrectKeyException");
    let mut changed = STANDARD.decode(sealed.as_str().unwrap()).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    let other = kms(&client, "Decrypt", with("alias/terrane", "a", &json!(STANDARD.encode(changed)))).await;
    assert_eq!(code(&other), "InvalidCiphertextException");
}

#[tokio::test]
async fn a_key_that_is_missing_or_disabled_is_not_used() {
    let (sandbox, client) = start().await;
    let mut request = body("alias/none", "a");
    request["Plaintext"] = json!("AAAA");
    assert_eq!(code(&kms(&client, "Encrypt", request.clone()).await), "NotFoundException");
    let id = kms(&client, "DescribeKey", json!({"KeyId": "alias/terrane"})).await.json();
    let drift = |state: &str| Drift::Set {
        object_type: "key".to_owned(),
        account: A.to_owned(),
        region: REGION.to_owned(),
        name: id["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned(),
        pointer: "/KeyState".to_owned(),
        value: json!(state),
    };
    request["KeyId"] = json!("alias/terrane");
    for (state, expected) in [("Disabled", "DisabledException"), ("PendingDeletion", "KMSInvalidStateException")] {
        sandbox.drift(drift(state)).unwrap();
        assert_eq!(code(&kms(&client, "Encrypt", request.clone()).await), expected);
    }
    request["Colour"] = json!("red");
    assert_eq!(code(&kms(&client, "Encrypt", request).await), "ValidationException");
    let mut wrong = client.clone();
    wrong.secret.push('x');
    let refused = kms(&wrong, "DescribeKey", json!({"KeyId": "alias/terrane"})).await;
    assert_eq!((refused.status, code(&refused).as_str()), (400, "InvalidSignatureException"));
}
