"""Takes examples/fleet-eks-moto through its life against moto, an emulator that we did not write.

    fleet.py TERRANE EXAMPLE

Starts a moto server on a free port of loopback, seeds a network in two regions with boto3, runs the binary, and stops
the server by its process id. Ends non-zero with a line that says what was not as it should be.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3

REGIONS = ("eu-west-1", "us-east-1")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_server(port, log):
    env = dict(os.environ, MOTO_IAM_LOAD_MANAGED_POLICIES="true")
    argv = [os.path.join(os.path.dirname(sys.executable), "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(argv, env=env, stdout=log, stderr=log, start_new_session=True)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2).read()
            return server
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    server.kill()
    sys.exit("moto did not start within 30 s")


class Suite:
    def __init__(self, binary, example, port, folder):
        self.binary, self.folder = binary, folder
        self.env = dict(
            os.environ,
            AWS_ACCESS_KEY_ID="moto-test-key",
            AWS_SECRET_ACCESS_KEY="moto-test-secret",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
            AWS_EC2_METADATA_DISABLED="true",
            AWS_REGION="eu-west-1",
            TERRANE_CLOCK_RATE="600",
            TERRANE_DIGEST_KEY="moto-suite",
        )
        self.endpoint = self.env["AWS_ENDPOINT_URL"]
        shutil.copytree(example, folder, dirs_exist_ok=True)

    def client(self, service, region="us-east-1"):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id="moto-test-key",
            aws_secret_access_key="moto-test-secret",
        )

    def terrane(self, *args, expect=0):
        argv = [self.binary, *args, "-no-color"]
        done = subprocess.run(argv, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300)
        print(f"$ terrane {' '.join(args)}: exit {done.returncode}")
        if done.returncode != expect:
            sys.exit(f"expected exit {expect}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def seed_network(self, region):
        ec2 = self.client("ec2", region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "team", "Value": "platform"}])
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        public = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=public, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]][:2]
        for index, zone in enumerate(zones):
            for offset, is_public in ((0, False), (10, True)):
                cidr = f"10.0.{index + offset}.0/24"
                subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
                if is_public:
                    ec2.associate_route_table(RouteTableId=public, SubnetId=subnet)

    def held(self):
        """Everything that the suite's objects could leave behind."""
        found = []
        for region in REGIONS:
            eks = self.client("eks", region)
            for cluster in eks.list_clusters()["clusters"]:
                found.append(f"cluster {region}/{cluster}")
                found += [f"node group {cluster}/{n}" for n in eks.list_nodegroups(clusterName=cluster)["nodegroups"]]
        roles = self.client("iam").list_roles()["Roles"]
        found += [f"role {role['RoleName']}" for role in roles if "aws-service-role" not in role["Path"]]
        return found

    def run(self):
        for region in REGIONS:
            self.seed_network(region)
        assert_equal(self.held(), [], "moto before the suite")
        self.terrane("init")
        self.terrane("apply", "-auto-approve")
        held = self.held()
        assert_equal(len([h for h in held if h.startswith("cluster")]), 2, f"clusters in {held}")
        assert_equal(len([h for h in held if h.startswith("node group")]), 3, f"node groups in {held}")
        assert_equal(len([h for h in held if h.startswith("role")]), 5, f"roles in {held}")
        self.terrane("plan", "-detailed-exitcode")

        eks = self.client("eks", "eu-west-1")
        eks.update_nodegroup_config(
            clusterName="eu", nodegroupName="general", labels={"addOrUpdateLabels": {"pool": "changed-by-hand"}}
        )
        self.terrane("plan", "-detailed-exitcode", "-out=drift.plan", expect=2)
        shown = json.loads(self.terrane("show", "-json", "drift.plan"))
        drift = shown["resource_drift"]
        assert_equal([d["address"] for d in drift], ['eks_node_pool.fleet["eu/general"]'], "drifted instances")
        changes = [c for c in shown["resource_changes"] if c["change"]["actions"] != ["no-op"]]
        assert_equal([c["address"] for c in changes], ['eks_node_pool.fleet["eu/general"]'], "changed instances")
        before, after = changes[0]["change"]["before"], changes[0]["change"]["after"]
        differing = sorted(key for key in after if before.get(key) != after.get(key))
        assert_equal(differing, ["labels"], "changed attributes")
        assert_equal((before["labels"], after["labels"]), ({"pool": "changed-by-hand"}, {"pool": "general"}), "labels")

        self.terrane("apply", "-auto-approve")
        self.terrane("plan", "-detailed-exitcode")
        self.terrane("destroy", "-auto-approve")
        assert_equal(self.held(), [], "moto after destroy")
        print("moto suite: 1 fleet, 2 clusters, 3 node groups, 5 roles: all as expected")


def assert_equal(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: {found!r} instead of {expected!r}")


def main():
    binary, example = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "moto.log"), "w") as log:
        server = start_server(port, log)
        try:
            Suite(binary, example, port, os.path.join(folder, "fleet")).run()
        finally:
            os.kill(server.pid, signal.SIGTERM)
            server.wait(timeout=10)


if __name__ == "__main__":
    main()
