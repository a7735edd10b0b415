"""Addresses under which the browser gets what our components show: pictures once, not with every answer.

The server keeps a file for as long as a page of some session shows it, as it does for `st.image`.
"""

import base64

from streamlit import config, runtime


def address(content: bytes, place: str) -> str:
    """Where the browser finds a picture's file; `place` names, in one run of a page, what shows it.

    Without a server, as in tests, it is all in the address.
    """
    kind = f"image/{_kind(content)}"
    if not runtime.exists():
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return (f"/{base}" if base else "") + runtime.get_instance().media_file_mgr.add(content, kind, place)


def _kind(content: bytes) -> str:
    return "png" if content[:4] == b"\x89PNG" else "jpeg" if content[:2] == b"\xff\xd8" else "webp"
