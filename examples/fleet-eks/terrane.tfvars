fleet = {
  dublin = {
    region  = "eu-west-1"
    version = "1.33"
    pools = {
      system  = { types = ["m6i.large"], min = 1, max = 3 }
      general = { types = ["m6i.large"], min = 2, max = 6 }
      memory  = { types = ["r6i.large"], min = 1, max = 4 }
    }
  }
  virginia = {
    region  = "us-east-1"
    version = "1.33"
    pools = {
      system  = { types = ["m6i.large"], min = 1, max = 3 }
      general = { types = ["m6i.large"], min = 2, max = 6 }
      memory  = { types = ["r6i.large"], min = 1, max = 4 }
    }
  }
}
