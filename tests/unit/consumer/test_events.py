from tests.unit.consumer.event_strategies import X


def test_x() -> None:
    assert X
