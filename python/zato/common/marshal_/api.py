"""`zato.common.marshal_.api`: Model and its errors."""

from bascule.exceptions import ElementMissing, ModelValidationError  # noqa: F401
from bascule.model import Model, ModelContext as ModelCtx  # noqa: F401
