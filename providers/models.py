"""Providers, their models, and their encrypted keys."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import ClassVar
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower

from lib.ids import uuid_of
from providers.adaptations.allowed_extras import check_extra_body, check_extra_headers
from providers.catalog.quality import QualitySource, guessed

NAME = RegexValidator(r"^[^\x00-\x1f\x7f/]+\Z", "Use printable characters, without a slash.")
UPSTREAM_NAME = RegexValidator(r"^[^\s\x00-\x1f\x7f]+\Z", "A model name has no spaces or control characters.")
PROVIDER_TYPE = RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "Use LiteLLM's provider name, such as 'openai' or 'custom'.")


def check_base_url(value: str) -> None:
    """`http(s)://host[:port][/path]`, also host names without a dot, but no credentials."""
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValidationError("Leave spaces and control characters out of the URL.")
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        parts, port_is_fine = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise ValidationError("Give a base URL such as https://api.example.com/v1.")
    if parts.username or parts.password:
        raise ValidationError("Leave user name and password out of the URL; store the key as api_key.")
    if parts.query or parts.fragment:
        raise ValidationError("Leave '?' and '#' out of the base URL.")


class ConfigVersion(models.Model):
    """One row whose number grows with every change that the gateway must follow (see `config_version.py`).

    It is in the lowest room with tables, so that every room above can bump it.
    """

    value = models.PositiveBigIntegerField(default=0)


class Status(models.TextChoices):
    """The status of a provider."""

    ACTIVE = "active"
    DISABLED = "disabled"
    ERROR = "error"


class ProviderQuerySet(models.QuerySet["Provider"]):
    def with_catalog(self) -> ProviderQuerySet:
        """Adds `model_count`, the averages for `avg_cost`, and the key's row."""
        # Ordered explicitly, because grouping drops the order of Meta.
        return (
            self.select_related("key")
            .annotate(
                model_count=models.Count("models"),
                avg_input=models.Avg("models__input_cost_per_million"),
                avg_output=models.Avg("models__output_cost_per_million"),
            )
            .order_by("priority", "name")
        )

    def matching(self, *, q: str = "", type: str | None = None, enabled: bool | None = None) -> ProviderQuerySet:
        """Providers whose name or type contains `q`, of this type, switched on or off."""
        rows = self.filter(models.Q(name__icontains=q) | models.Q(type__icontains=q)) if q else self
        rows = rows if type is None else rows.filter(type=type)
        return rows if enabled is None else rows.filter(enabled=enabled)


class Provider(models.Model):
    """A place that serves models over HTTP: a vendor, a cloud region, our own vLLM.

    `error` says why its last probe failed, `error_since` since when, `failed_probes` how many in a row; `latency_ms` is
    the moving average of successful probes (see `health/probe_schedule.py`). `dialects` are those that the console
    speaks with it, without LiteLLM; none means those of its type. `dialects_probed` says of each whether the server
    answered it when it was last asked, null where that can't be told; it changes nothing by itself. Each request to it
    has the `extra_headers`, and the fields of `extra_body`. `proves_standby`: its idle deployments may be asked for one
    token (see `usage/health/standby_proofs.py`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, validators=[NAME])
    type = models.CharField(max_length=64, validators=[PROVIDER_TYPE])
    api_base = models.CharField(max_length=512, blank=True, default="", validators=[check_base_url])
    enabled = models.BooleanField(default=True)
    priority = models.PositiveSmallIntegerField(default=50, validators=[MinValueValidator(1), MaxValueValidator(100)])
    auto_fallback = models.BooleanField(default=True)
    proves_standby = models.BooleanField(default=True, db_default=True)
    settings = models.JSONField(default=dict, blank=True)
    dialects = models.JSONField(default=list, blank=True)
    dialects_probed = models.JSONField(default=dict, editable=False)
    dialects_probed_at = models.DateTimeField(null=True, editable=False)
    extra_headers = models.JSONField(default=dict, blank=True, validators=[check_extra_headers])
    extra_body = models.JSONField(default=dict, blank=True, validators=[check_extra_body])
    rpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    tpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    error = models.CharField(max_length=512, blank=True, default="", editable=False)
    error_since = models.DateTimeField(null=True, editable=False)
    failed_probes = models.PositiveIntegerField(default=0, editable=False)
    latency_ms = models.FloatField(null=True, editable=False)
    next_probe_at = models.DateTimeField(null=True, editable=False, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["priority", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("name"), name="provider_name_unique", violation_error_message="A provider of this name exists."
            ),
            models.CheckConstraint(
                condition=models.Q(priority__gte=1, priority__lte=100), name="provider_priority_1_to_100"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> Status:
        """`disabled` if switched off, `error` if its last check failed, else `active`."""
        if not self.enabled:
            return Status.DISABLED
        return Status.ERROR if self.error else Status.ACTIVE


class Encrypted(models.Model):
    """A row with a secret. By this base class `rotate_keys` finds the rows of all rooms; see `secrets.py`."""

    ciphertext = models.TextField(editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    @property
    def whose(self) -> str:
        """The owner of the secret, for messages."""
        raise NotImplementedError


class EncryptionCheck(models.Model):
    """One row with a known text, encrypted like all secrets: who can't read it has other ENCRYPTION_KEYS."""

    ciphertext = models.TextField(editable=False)

    def __str__(self) -> str:
        return "encryption check"


class ProviderKey(Encrypted):
    """A provider's secrets, encrypted together; `hint` is the part of its API key that may be shown.

    See `secrets.py`. `hints` are those of other secrets, such as `aws_secret_access_key`.
    """

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="key")
    hint = models.CharField(max_length=32, editable=False)
    hints = models.JSONField(default=dict, editable=False)

    def __str__(self) -> str:
        return f"key of {self.provider_id}: {self.hint}"

    @property
    def whose(self) -> str:
        return self.provider.name


class Probe(models.Model):
    """One check of one provider, scheduled or by a person; the newest are kept (see `health/probe_schedule.py`)."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="probes")
    at = models.DateTimeField()
    is_ok = models.BooleanField()
    latency_ms = models.FloatField()
    trouble = models.CharField(max_length=32, blank=True, default="")
    error = models.CharField(max_length=512, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [models.Index(fields=["provider", "-at"], name="probe_of_provider_by_time")]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.error or 'ok'}"


class Unit(models.TextChoices):
    """What a model is charged by, besides tokens."""

    SEARCH = "search"
    IMAGE = "image"
    CHARACTER = "character"
    SECOND = "second"


class LimitName(models.TextChoices):
    """The only name of the limit of output tokens that a model takes in a chat."""

    MAX_TOKENS = "max_tokens", "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"


class SystemRole(models.TextChoices):
    """The only role of system messages that a model takes in a chat."""

    SYSTEM = "system", "system"
    DEVELOPER = "developer", "developer"


class LanguageModelQuerySet(models.QuerySet["LanguageModel"]):
    def callable(self) -> LanguageModelQuerySet:
        """Models in service: enabled, with an enabled provider."""
        return self.filter(enabled=True, provider__enabled=True)

    def matching(
        self, *, q: str = "", provider: str | None = None, enabled: bool | None = None
    ) -> LanguageModelQuerySet:
        """Models whose names contain `q`, of the provider with this id or name, switched on or off."""
        rows = self.filter(models.Q(name__icontains=q) | models.Q(display_name__icontains=q)) if q else self
        rows = rows if provider is None else rows.filter(_is_provider(provider))
        return rows if enabled is None else rows.filter(enabled=enabled)


def _is_provider(text: str) -> models.Q:
    found = uuid_of(text)
    return models.Q(provider_id=found) if found else models.Q(provider__name__iexact=text)


class LanguageModel(models.Model):
    """A model in the catalog: the provider's name for it, its prices and capabilities.

    `base_model` is the price map's name of the model behind a name of one's own, such as an Azure deployment's.
    `limit_name` and `system_role` are empty where a model takes both, or where its refusals are to teach it.
    `price_per_unit` is US dollars for one `unit`, besides tokens. `catalog_entry` are the last accepted values of
    LiteLLM's price map, without typed fields. `quality` is null unless typed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=256, validators=[UPSTREAM_NAME])
    display_name = models.CharField(max_length=128, blank=True, default="")
    input_cost_per_million = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    output_cost_per_million = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    cached_input_cost_per_million = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    cache_write_cost_per_million = models.DecimalField(
        max_digits=14, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    unit = models.CharField(max_length=16, choices=Unit.choices, blank=True, default="")
    price_per_unit = models.DecimalField(
        max_digits=16, decimal_places=10, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    context_length = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    base_model = models.CharField(max_length=256, blank=True, default="", validators=[UPSTREAM_NAME])
    limit_name = models.CharField(max_length=24, choices=LimitName.choices, blank=True, default="")
    system_role = models.CharField(max_length=12, choices=SystemRole.choices, blank=True, default="")
    capabilities = models.JSONField(default=list, blank=True)
    quality = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(100)])
    catalog_entry = models.JSONField(default=dict, blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = LanguageModelQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["provider__name", "name"]
        verbose_name = "model"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "name"],
                name="model_unique_per_provider",
                violation_error_message="This provider already has a model of this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(input_cost_per_million__isnull=True) | models.Q(input_cost_per_million__gte=0),
                name="model_input_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(output_cost_per_million__isnull=True) | models.Q(output_cost_per_million__gte=0),
                name="model_output_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(cached_input_cost_per_million__isnull=True)
                | models.Q(cached_input_cost_per_million__gte=0),
                name="model_cached_input_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(cache_write_cost_per_million__isnull=True)
                | models.Q(cache_write_cost_per_million__gte=0),
                name="model_cache_write_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(quality__isnull=True) | models.Q(quality__lte=100), name="model_quality_0_to_100"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.name}"

    @property
    def quality_score(self) -> int | None:
        """From 0 to 100: the typed value, else a guess from the price; None without either."""
        return guessed(self.output_cost_per_million) if self.quality is None else self.quality

    @property
    def quality_source(self) -> QualitySource:
        """The source of `quality_score`."""
        if self.quality is not None:
            return QualitySource.TYPED
        return QualitySource.UNKNOWN if self.quality_score is None else QualitySource.GUESSED

    def clean(self) -> None:
        if not isinstance(self.capabilities, list) or not all(isinstance(c, str) for c in self.capabilities):
            raise ValidationError({"capabilities": "Give a list of words, such as ['chat', 'vision']."})


# They are a subject of their own; Django looks for models here.
from providers.status_pages.models import ReportedIncident as ReportedIncident  # noqa: E402
from providers.status_pages.models import StatusPage as StatusPage  # noqa: E402
