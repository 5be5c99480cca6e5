"""How Entra words a refusal."""

import uuid
from datetime import UTC, datetime

from .messages import Answer, json_answer


def error(status: int, name: str, code: int, text: str) -> Answer:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    description = f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
    body = {
        "error": name,
        "error_description": description,
        "error_codes": [code],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return json_answer(body, status)
