"""What the controller tells broker 1 of a partition that it leads."""

from pykafka_cli.model import ControllerEpoch, LeaderEpoch
from pykafka_cli.protocol.inter_broker import LeaderAndIsrPartitionState

ME = 1


STATE = LeaderAndIsrPartitionState(
    partition_index=0,
    controller_epoch=ControllerEpoch(1),
    leader=ME,
    leader_epoch=LeaderEpoch(1),
    isr=(1, 2, 3),
    partition_epoch=1,
    replicas=(1, 2, 3),
)
