"""Changes of features (KIP-584); a cluster with ZooKeeper rejects each with a reason.

Features are what KRaft's brokers register. With ZooKeeper a broker supports none, so that none can be finalized either,
and the znode /feature stays as the controller made it (ZkStore.ensure_features): what is left of Kafka's rules is which
refusal comes first. `validate_only` thus makes no difference, and FEATURE_UPDATE_FAILED, a znode that could not be
written, cannot happen.

source  kafka.controller.KafkaController.validateFeatureUpdate, kafka.server.BrokerFeatures.createEmpty
"""

from typing import NamedTuple

from pykafka_cli.broker.errors import InvalidRequest
from pykafka_cli.model import UpgradeType


class FeatureUpdate(NamedTuple):
    """A feature's new level; one below 1 removes the feature, unless `upgrade_type` is UPGRADE."""

    feature: str
    level: int
    upgrade_type: int


def refusal(update: FeatureUpdate) -> InvalidRequest:
    """Why the update is rejected, in Kafka's words."""
    if not update.feature:
        return InvalidRequest("Feature name can not be empty.")
    if update.upgrade_type not in tuple(UpgradeType):
        return InvalidRequest("Received unknown upgrade type.")
    if update.level < 1 and update.upgrade_type != UpgradeType.UPGRADE:
        return InvalidRequest("Can not delete non-existing finalized feature.")
    if update.level < 1:
        return InvalidRequest(
            f"Can not provide versionLevel: {update.level} less than 1 without setting the SAFE downgradeType "
            "in the request."
        )
    return InvalidRequest("Could not apply finalized feature update because the provided feature is not supported.")
