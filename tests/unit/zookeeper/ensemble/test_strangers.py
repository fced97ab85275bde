from pykafka_cli.zookeeper.ensemble.strangers import gives_way


def test_the_oldest_of_the_host_that_has_most_gives_way() -> None:
    assert gives_way({1: "10.0.0.1", 2: "10.0.0.9", 3: "10.0.0.9", 4: "10.0.0.2"}) == 2


def test_the_oldest_gives_way_among_equals() -> None:
    assert gives_way({3: "10.0.0.1", 1: "10.0.0.2"}) == 3
