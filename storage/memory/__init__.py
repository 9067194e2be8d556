"""Store in memory: the specification that the other stores are tested against."""
