//! EC2.

use super::*;

#[tokio::test]
async fn the_platform_network_is_found_by_its_tag() {
    let (_sandbox, client) = start().await;
    let vpcs = client.query("ec2", "DescribeVpcs", "Filter.1.Name=tag:team&Filter.1.Value.1=platform").await;
    assert_eq!(vpcs.count("vpcId"), 1);
    let vpc = vpcs.element("vpcId").to_owned();
    let form = format!("Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let subnets = client.query("ec2", "DescribeSubnets", &form).await;
    assert_eq!(subnets.count("subnetId"), 6);
    let zone = format!("{form}&Filter.2.Name=availability-zone&Filter.2.Value.1=eu-west-1a");
    assert_eq!(client.query("ec2", "DescribeSubnets", &zone).await.count("subnetId"), 2);
    let other = Client { region: "ap-southeast-2".to_owned(), ..client.clone() };
    assert_eq!(other.query("ec2", "DescribeSubnets", &form).await.count("subnetId"), 0);
    assert_eq!(other.query("ec2", "DescribeVpcs", "").await.count("vpcId"), 2);
}

#[tokio::test]
async fn private_subnets_leave_by_nat_and_public_ones_by_the_gateway() {
    let (sandbox, client) = start().await;
    let private = subnets(&sandbox);
    assert_eq!(private.len(), 3);
    let form = format!("Filter.1.Name=association.subnet-id&Filter.1.Value.1={}", private[0]);
    let tables = client.query("ec2", "DescribeRouteTables", &form).await;
    assert_eq!((tables.count("routeTableId"), tables.count("natGatewayId")), (2, 1));
    let form = "Filter.1.Name=route.gateway-id&Filter.1.Value.1=igw-*";
    assert_eq!(client.query("ec2", "DescribeRouteTables", form).await.count("routeSet"), 2);
}

#[tokio::test]
async fn pages_follow_their_token() {
    let (_sandbox, client) = start().await;
    let first = client.query("ec2", "DescribeSubnets", "MaxResults=5").await;
    assert_eq!(first.count("subnetId"), 5);
    let form = format!("MaxResults=5&NextToken={}", first.element("nextToken").replace('=', "%3D"));
    let last = client.query("ec2", "DescribeSubnets", &form).await;
    assert_eq!((last.count("subnetId"), last.element("nextToken")), (4, ""));
    let wrong = client.query("ec2", "DescribeSubnets", "NextToken=x").await;
    assert_eq!(wrong.element("Code"), "InvalidNextToken");
}

#[tokio::test]
async fn there_are_no_machines_and_wrong_filters_are_refused() {
    let (_sandbox, client) = start().await;
    let none = client.query("ec2", "DescribeInstances", "Filter.1.Name=tag-key&Filter.1.Value.1=a").await;
    assert_eq!((none.status, none.count("instanceId")), (200, 0));
    let wrong = client.query("ec2", "DescribeInstances", "Filter.1.Name=colour&Filter.1.Value.1=red").await;
    assert_eq!(wrong.element("Code"), "InvalidParameterValue");
}

#[tokio::test]
async fn tags_come_and_go() {
    let (sandbox, client) = start().await;
    let subnet = subnets(&sandbox).remove(0);
    let one = format!("ResourceId.1={subnet}&Tag.1.Key=kubernetes.io/role/elb");
    assert_eq!(client.query("ec2", "CreateTags", &format!("{one}&Tag.1.Value=1")).await.status, 200);
    let form = "Filter.1.Name=tag:kubernetes.io/role/elb&Filter.1.Value.1=1";
    assert_eq!(client.query("ec2", "DescribeSubnets", form).await.element("subnetId"), subnet);
    client.query("ec2", "DeleteTags", &format!("{one}&Tag.1.Value=2")).await;
    assert_eq!(client.query("ec2", "DescribeSubnets", form).await.count("subnetId"), 1);
    client.query("ec2", "DeleteTags", &one).await;
    assert_eq!(client.query("ec2", "DescribeSubnets", form).await.count("subnetId"), 0);
    let missing = client.query("ec2", "CreateTags", "ResourceId.1=subnet-0&Tag.1.Key=a&Tag.1.Value=b").await;
    assert_eq!((missing.status, missing.element("Code")), (400, "InvalidSubnetID.NotFound"));
}
