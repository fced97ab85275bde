"""Features that a cluster uses (KIP-584); a cluster with ZooKeeper has none."""

import datetime
from collections.abc import Mapping

from kio.schema.api_versions.v4.request import ApiVersionsRequest
from kio.static.primitive import i8, i16, i32Timedelta

from pykafka_cli import __version__
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, Feature, Features, UpgradeType

NO_EPOCH = -1


async def describe_features(session: Session, node: BrokerId | None = None) -> Features:
    """All features that a node (by default any) supports, by name.

    Before ApiVersions 4, brokers omit features whose first level is 0 (KIP-584).
    """
    request = ApiVersionsRequest(client_software_name="pykafka-cli", client_software_version=__version__)
    answer = await session.ask(request, broker=node)
    finalized = {feature.name: int(feature.max_version_level) for feature in answer.finalized_features}
    features = [
        Feature(each.name, each.min_version, each.max_version, finalized.get(each.name, 0))
        for each in answer.supported_features
    ]
    epoch = None if answer.finalized_features_epoch == NO_EPOCH else int(answer.finalized_features_epoch)
    return Features(sorted(features), epoch)


async def update_features(
    session: Session, levels: Mapping[str, int], kind: UpgradeType, *, dry_run: bool
) -> dict[str, ApiError | None]:
    """Set levels; return the result of each feature.

    raises    VersionUnsupported
    """
    from kio.schema.update_features.v1.request import FeatureUpdateKey, UpdateFeaturesRequest

    request = UpdateFeaturesRequest(
        timeout=i32Timedelta.parse(datetime.timedelta(seconds=session.settings.api_timeout)),
        feature_updates=tuple(
            FeatureUpdateKey(feature=name, max_version_level=i16(level), upgrade_type=i8(kind))
            for name, level in levels.items()
        ),
        validate_only=dry_run,
    )
    answer = await session.ask_controller(request, oldest=1)
    if not answer.results:
        error = ApiError(answer.error_code, answer.error_message) if answer.error_code else None
        return dict.fromkeys(sorted(levels), error)
    ensure_none_failed([answer])
    return {
        result.feature: ApiError(result.error_code, result.error_message) if result.error_code else None
        for result in sorted(answer.results, key=lambda each: str(each.feature))
    }
