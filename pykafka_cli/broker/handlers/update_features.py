"""UpdateFeatures (key 57), versions 0-1.

Switches features on, up, down and off (KIP-584); none can be with ZooKeeper, and each result says why. Only the
controller does it. v1 an upgrade type in place of "may be downgraded", validate only
"""

from kio.schema.errors import ErrorCode
from kio.schema.update_features.v1.request import UpdateFeaturesRequest
from kio.schema.update_features.v1.response import UpdatableFeatureResult, UpdateFeaturesResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import NotController
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.features import FeatureUpdate, refusal


async def handle(ctx: RequestContext, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
    if not ctx.broker.controller.is_active:
        raise NotController("This is not the correct controller for this cluster.")
    updates: dict[str, FeatureUpdate] = {}
    for each in request.feature_updates:  # of several for one feature the first counts, as in Kafka
        updates.setdefault(each.feature, FeatureUpdate(each.feature, each.max_version_level, each.upgrade_type))
    refusals = {feature: refusal(update) for feature, update in updates.items()}
    return UpdateFeaturesResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message=None,
        results=tuple(
            UpdatableFeatureResult(feature=feature, error_code=error.code, error_message=error.message)
            for feature, error in refusals.items()
        ),
    )
