"""History, ledger and purging in memory: the executable specification that the other stores are tested against."""
