"""What the controller tells broker 1 of a partition that it leads."""

from pykafka_cli.model import BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch
from pykafka_cli.protocol.inter_broker import LeaderAndIsrPartitionState
from tests.support.brokers import broker_ids

ME = 1


STATE = LeaderAndIsrPartitionState(
    partition_index=0,
    controller_epoch=ControllerEpoch(1),
    leader=BrokerId(ME),
    leader_epoch=LeaderEpoch(1),
    isr=broker_ids(1, 2, 3),
    partition_epoch=PartitionEpoch(1),
    replicas=broker_ids(1, 2, 3),
)
