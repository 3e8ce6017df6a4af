fleet = {
  eu = {
    region = "eu-west-1"
    pools = {
      general = { types = ["m6i.large"], min = 1, max = 3 }
      spot    = { types = ["m6i.xlarge"], min = 0, max = 5 }
    }
  }
  us = {
    region = "us-east-1"
    pools = {
      general = { types = ["m6i.large"], min = 2, max = 2 }
    }
  }
}
