"""A browser's side of Streamlit's WebSocket, without a browser: open a page, upload files, move a widget.

What the server sends is read as `ForwardMsg`s; messages that it sends by their hash alone are looked up among those
that came before, as the browser does.
"""

import http.client
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

PATIENCE = 120.0  # seconds
LARGEST = 1 << 28  # bytes of a message


@dataclass
class Session:
    """One session with an app on this machine."""

    port: int
    page: str = ""  # of the address, such as "areas"
    elements: dict[tuple[int, ...], Element] = field(default_factory=dict)  # by their place on the page
    errors: list[str] = field(default_factory=list)  # what the page said went wrong

    def __post_init__(self) -> None:
        cookie = self._cookie()
        headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{self.port}"}
        self._token = cookie.partition("=")[2]
        self._cookie_header = cookie
        self._seen: dict[str, ForwardMsg] = {}
        self._states: dict[str, WidgetState] = {}
        self._hash = ""
        self.session = ""
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            additional_headers=headers,
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]
            max_size=LARGEST,
            open_timeout=PATIENCE,
        ).__enter__()  # else it warns of a use that is no longer meant
        self.run()

    def close(self) -> None:
        """End the session."""
        self._socket.close()

    def run(self) -> float:
        """Run the page with the widgets as they are; the seconds until the script has finished."""
        ask = BackMsg()
        ask.rerun_script.page_name = self.page
        ask.rerun_script.page_script_hash = "" if self.page else self._hash  # that is the first page's
        ask.rerun_script.widget_states.widgets.extend(self._states.values())
        start = time.perf_counter()
        self._socket.send(ask.SerializeToString())
        while not self._take().HasField("script_finished"):
            pass
        return time.perf_counter() - start

    def upload(self, *files: tuple[str, bytes]) -> float:
        """Upload files to the page's first uploader and run; the seconds from the first byte to the finished script."""
        start = time.perf_counter()
        uploader = self.find("file_uploader")[0].file_uploader
        ask = BackMsg()
        ask.file_urls_request.request_id = str(uuid.uuid4())
        ask.file_urls_request.session_id = self.session
        ask.file_urls_request.file_names.extend(name for name, _ in files)
        self._socket.send(ask.SerializeToString())
        while not (answer := self._take()).HasField("file_urls_response"):
            pass
        state = WidgetState(id=uploader.id)
        for (name, content), urls in zip(files, answer.file_urls_response.file_urls, strict=True):
            self._put(urls.upload_url, name, content)
            info = UploadedFileInfo(name=name, size=len(content), file_id=urls.file_id, file_urls=urls)
            state.file_uploader_state_value.uploaded_file_info.append(info)
        self._states[uploader.id] = state
        self.run()
        return time.perf_counter() - start

    def set(self, widget: str, **value: Any) -> float:
        """Give a widget, by its id, a value such as `int_array_value=[2]`, and run; the seconds that took."""
        state = WidgetState(id=widget)
        for name, content in value.items():
            if name.endswith("array_value"):
                getattr(state, name).data.extend(content)
            else:
                setattr(state, name, content)
        self._states[widget] = state
        return self.run()

    def set_component(self, widget: str, **state: Any) -> float:
        """Give one of our components, by its id, a state, and run; the seconds that took."""
        return self.set(widget, json_value=json.dumps(state))

    def find(self, kind: str) -> list[Element]:
        """The elements of a kind, such as "file_uploader", in their order."""
        found = sorted(self.elements.items(), key=lambda item: item[0])
        return [element for _, element in found if element.WhichOneof("type") == kind]

    def _take(self) -> ForwardMsg:
        """The next message, whole."""
        message = ForwardMsg.FromString(self._socket.recv(PATIENCE))  # type: ignore[arg-type]
        if message.WhichOneof("type") == "ref_hash":
            metadata = message.metadata
            message = ForwardMsg.FromString(self._seen[message.ref_hash].SerializeToString())
            message.metadata.CopyFrom(metadata)
        elif message.hash:
            self._seen[message.hash] = message
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
            self._hash = message.new_session.page_script_hash
            self.elements.clear()
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            self.elements[tuple(message.metadata.delta_path)] = element
            if element.WhichOneof("type") == "exception":
                self.errors.append(element.exception.message)
            elif element.WhichOneof("type") == "alert" and element.alert.format == element.alert.ERROR:
                self.errors.append(element.alert.body)
        return message

    def _cookie(self) -> str:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        link.request("GET", "/_stcore/health")
        answer = link.getresponse()
        answer.read()
        link.close()
        return (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def _put(self, url: str, name: str, content: bytes) -> None:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + content + f"\r\n--{edge}--\r\n".encode()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Cookie": self._cookie_header, "X-Xsrftoken": self._token}
        headers["Content-Type"] = f"multipart/form-data; boundary={edge}"
        link.request("PUT", urlsplit(url).path, body, headers)
        answer = link.getresponse()
        told = answer.read().decode("utf-8", "replace")
        link.close()
        if answer.status >= 300:
            raise RuntimeError(f"The upload of {name[:80]} was answered with {answer.status}: {told}")
