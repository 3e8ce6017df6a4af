"""Adopts a cluster and three pools that boto3 made in moto, an emulator that we did not write.

    adopt.py TERRANE

Every request of the binary goes through a recording proxy of this script, so that a changing one would be seen whatever
moto makes of it. Adopted twice: by looking at the region, and from a state file in the shape of Terraform's version 4,
written here from what boto3 reads (Terraform itself does not run). Ends non-zero with a line that says what was not as it
should be.
"""

import http.client
import http.server
import json
import os
import signal
import sys
import tempfile
import threading
import urllib.parse

import boto3
import fleet

REGION = "eu-west-1"
READING = ("Describe", "List", "Get")


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to moto and keeps a line of each: `eks GET /clusters`, `ec2 DescribeInstances`."""

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target, self.seen = target, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        scope = self.headers.get("authorization", "").partition("Credential=")[2].split("/")
        service = scope[3] if len(scope) > 3 else "?"
        action = urllib.parse.parse_qs(body.decode("latin-1")).get("Action", [None])[0]
        self.server.seen.append((service, action or self.command, self.path))
        moto = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        moto.request(self.command, self.path, body, dict(self.headers))
        answer = moto.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = forward

    def log_message(self, *_):
        pass


def is_changing(service, what):
    return what != "GET" if service == "eks" else not what.startswith(READING)


class Suite(fleet.Suite):
    """The binary behind the proxy; boto3 goes to moto itself."""

    def __init__(self, binary, port, folder, proxy):
        os.makedirs(folder)
        super().__init__(binary, folder, port, folder)
        self.proxy = proxy
        self.env["AWS_ENDPOINT_URL"] = proxy.url

    def make(self):
        """One cluster and three pools of different taste, and what cannot be adopted."""
        iam, ec2, eks = self.client("iam"), self.client("ec2", REGION), self.client("eks", REGION)
        arn = {}
        for name in ("control", "node"):
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))
            arn[name] = role["Role"]["Arn"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]][:3]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=z)["Subnet"]["SubnetId"]
            for i, z in enumerate(zones)
        ]
        eks.create_cluster(
            name="core",
            version="1.33",
            roleArn=arn["control"],
            resourcesVpcConfig={"subnetIds": subnets, "endpointPrivateAccess": True, "endpointPublicAccess": True},
            kubernetesNetworkConfig={"serviceIpv4Cidr": "10.96.0.0/16"},
            logging={"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
            tags={"team": "platform", "note": 'a "quoted" ${value}'},
        )
        template = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": "ami-1"})
        template = template["LaunchTemplate"]["LaunchTemplateId"]
        size = lambda low, high, now: {"minSize": low, "maxSize": high, "desiredSize": now}
        common = {"clusterName": "core", "nodeRole": arn["node"]}
        eks.create_nodegroup(
            nodegroupName="system", scalingConfig=size(2, 2, 2), subnets=subnets, instanceTypes=["m6i.large"],
            labels={"pool": "system"}, diskSize=50, tags={"team": "platform"},
            taints=[{"key": "dedicated", "value": "system", "effect": "NO_SCHEDULE"}], **common,
        )
        eks.create_nodegroup(
            nodegroupName="spot", scalingConfig=size(0, 9, 3), subnets=subnets[:1], capacityType="SPOT",
            instanceTypes=["m6i.large", "m5.large"], amiType="AL2023_x86_64_STANDARD", **common,
        )
        eks.create_nodegroup(
            nodegroupName="templated", scalingConfig=size(1, 4, 2), subnets=subnets,
            launchTemplate={"id": template, "version": "1"}, **common,
        )
        eks.create_fargate_profile(
            fargateProfileName="batch", clusterName="core", podExecutionRoleArn=arn["node"],
            selectors=[{"namespace": "batch"}],
        )
        tags = [{"Key": "kubernetes.io/cluster/core", "Value": "owned"}]
        specification = [{"ResourceType": "instance", "Tags": tags}]
        started = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, TagSpecifications=specification)
        return started["Instances"][0]["InstanceId"]

    def world(self):
        eks = self.client("eks", REGION)
        names = eks.list_nodegroups(clusterName="core")["nodegroups"]
        pools = [eks.describe_nodegroup(clusterName="core", nodegroupName=n)["nodegroup"] for n in names]
        return [eks.describe_cluster(name="core")["cluster"], *pools]

    def expect_empty(self, adopted, objects):
        plan = f"Plan: {objects} to import, 0 to add, 0 to change, 0 to destroy."
        fleet.assert_equal(plan in adopted, True, f"a plan of imports in\n{adopted}")
        self.terrane("plan", "-detailed-exitcode")
        self.terrane("fmt", "-check")
        changing = [seen for seen in self.proxy.seen if is_changing(*seen[:2])]
        fleet.assert_equal(changing, [], "changing requests")

    def adopt_region(self, machine):
        adopted = self.terrane("adopt", "eks", f"-region={REGION}", "-auto-approve")
        self.expect_empty(adopted, 4)
        for left in ("Fargate profile core/batch", f"self-managed node core/{machine}", "every add-on of cluster core"):
            fleet.assert_equal(left in adopted, True, f"{left} is left alone in\n{adopted}")
        again = self.terrane("adopt", "eks", f"-region={REGION}", "-out=again.hcl", "-auto-approve")
        fleet.assert_equal(again.startswith("Nothing to adopt."), True, f"a second time\n{again}")

    def adopt_state(self):
        cluster, *pools = self.world()
        path = os.path.join(self.folder, "terraform.tfstate")
        with open(path, "w") as file:
            json.dump(tfstate(cluster, pools), file)
        before = open(path).read()
        adopted = self.terrane("adopt", "tfstate", "terraform.tfstate", "-auto-approve")
        self.expect_empty(adopted, 4)
        fleet.assert_equal(open(path).read(), before, "the state file")
        names = self.terrane("state", "list").split()
        expected = ["eks_cluster.core", *(f"eks_node_pool.pools_this_{p['nodegroupName']}" for p in pools)]
        fleet.assert_equal(names, sorted(expected), "addresses")


    def change(self):
        """What is adopted is managed from here on; and a changing request would have been seen."""
        path = os.path.join(self.folder, "adopted.hcl")
        text = open(path).read()
        with open(path, "w") as file:
            file.write(text.replace("min = 1\n", "min = 2\n"))
        self.terrane("apply", "-auto-approve")
        changing = [f"{what} {path}" for service, what, path in self.proxy.seen if is_changing(service, what)]
        fleet.assert_equal(changing, ["POST /clusters/core/node-groups/templated/update-config"], "changing requests")
        self.terrane("plan", "-detailed-exitcode")


def tfstate(cluster, pools):
    """A state as Terraform would have it, as far as the attributes go that boto3 tells."""

    def resource(type_name, name, instances, **more):
        provider = 'provider["registry.terraform.io/hashicorp/aws"]'
        return {"mode": "managed", "type": type_name, "name": name, "provider": provider, "instances": instances, **more}

    def instance(attributes, **more):
        return {"schema_version": 0, "attributes": attributes, "sensitive_attributes": [], "dependencies": [], **more}

    core = {"id": cluster["name"], "name": cluster["name"], "arn": cluster["arn"], "version": cluster["version"]}
    groups = [
        instance(
            {
                "id": f"{p['clusterName']}:{p['nodegroupName']}",
                "arn": p["nodegroupArn"],
                "cluster_name": p["clusterName"],
                "node_group_name": p["nodegroupName"],
                "node_role_arn": p["nodeRole"],
            },
            index_key=p["nodegroupName"],
        )
        for p in pools
    ]
    resources = [
        resource("aws_eks_cluster", "core", [instance(core)]),
        resource("aws_eks_node_group", "this", groups, module="module.pools"),
        resource("aws_vpc", "main", [instance({"id": "vpc-1"})]),
    ]
    return {
        "version": 4, "terraform_version": "1.9.5", "serial": 3, "lineage": "0b7c0d1e-0000-4000-8000-000000000000",
        "outputs": {}, "resources": resources, "check_results": None,
    }


def main():
    binary = os.path.abspath(sys.argv[1])
    port = fleet.free_port()
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "moto.log"), "w") as log:
        server = fleet.start_server(port, log)
        try:
            proxy = Proxy(port)
            region = Suite(binary, port, os.path.join(folder, "region"), proxy)
            machine = region.make()
            before = region.world()
            region.adopt_region(machine)
            Suite(binary, port, os.path.join(folder, "state"), proxy).adopt_state()
            fleet.assert_equal(region.world(), before, "the cluster and its pools")
            changing = sum(is_changing(*seen[:2]) for seen in proxy.seen)
            print(f"moto: 1 cluster and 3 pools adopted twice, {len(proxy.seen)} requests, {changing} changing ones")
            region.change()
            print("all as expected")
        finally:
            os.kill(server.pid, signal.SIGTERM)
            server.wait(timeout=10)


if __name__ == "__main__":
    main()
