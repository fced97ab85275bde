from pykafka_cli.zookeeper.protocol.quota_text import parse_quota, quota_text


def test_quotas_keep_the_form_that_older_readers_know() -> None:
    assert quota_text({"count": 5, "bytes": -1}) == "count=5,bytes=-1"
    both = quota_text({"countHardLimit": 7, "count": 5, "byteHardLimit": -1})
    assert both == "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7"
    assert parse_quota(both) == {"count": 5, "bytes": -1, "byteHardLimit": -1, "countHardLimit": 7}
