"""An API with one protected route. `npm run dev` in the root of the repository is the Tollgate beside it."""

import json
import os
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI

from tollgate import AsyncTollgate
from tollgate.fastapi import KeyContext, install, require_key

LOCAL = Path(__file__).parents[2] / ".local" / "credentials.json"


def connect() -> AsyncTollgate:
    """By the environment, or to the local stack with the service key that it made."""
    local: dict[str, Any] = {} if "TOLLGATE_SERVICE_KEY" in os.environ else json.loads(LOCAL.read_text())
    return AsyncTollgate(
        base_url=os.environ.get("TOLLGATE_URL") or local["base_url"],
        service_key=os.environ.get("TOLLGATE_SERVICE_KEY") or local["service_key"],
    )


tollgate = connect()
app = FastAPI()
install(app)


@app.get("/v1/orders/{order_id}")
async def read_order(order_id: str, key: KeyContext = Depends(require_key(tollgate))) -> dict[str, Any]:
    key.use(queries=1)
    return {"id": order_id, "organization": key.verdict.organization_id}
