"""`TritonSession` against a server that answers as a test tells it to; tests/cluster has Triton."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from onrecord.chassis.inference.golden import Golden, picture, read_golden
from onrecord.chassis.inference.triton import TritonSession
from onrecord.chassis.inference.triton_server import TritonServer, encoded
from onrecord.chassis.problems import retry_after_seconds
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.unit.models.small_networks import small_card

CARD = small_card(hashlib.sha256(b"a model").hexdigest(), dimension=2)
_Status = grpc.StatusCode


def computed(images: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """What the model of the test gives: mean and corner of each image."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    return np.stack([flat.mean(axis=1), flat[:, 0]], axis=1)


@dataclass
class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Serves `computed` under any name, at most `largest` images at once."""

    sha256: str | None = CARD.sha256
    off: float = 0.0
    largest: int = 4
    refuses: tuple[grpc.StatusCode, str] | None = None
    batches: list[int] = field(default_factory=list)
    timeouts: list[int] = field(default_factory=list)
    configs: int = 0

    def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        return pb.ServerReadyResponse(ready=True)

    def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        return pb.ModelReadyResponse(ready=True)

    def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        self.configs += 1
        answer = pb.ModelConfigResponse()
        answer.config.max_batch_size = self.largest
        if self.sha256 is not None:
            answer.config.parameters["sha256"].string_value = self.sha256
        return answer

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        if self.refuses is not None:
            context.abort(*self.refuses)
        [given] = request.inputs
        images = np.frombuffer(request.raw_input_contents[0], np.uint8).reshape(given.shape)
        self.batches.append(len(images))
        self.timeouts.append(request.parameters["timeout"].int64_param)
        answer = pb.ModelInferResponse(model_name=request.model_name, model_version="1")
        answer.outputs.add(name="embedding", datatype="FP32", shape=[len(images), 2])
        answer.raw_output_contents.append((computed(images) + np.float32(self.off)).tobytes())
        return answer


@pytest.fixture
def triton() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def session(triton: FakeTriton, now: list[float]) -> Iterator[TritonSession]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    client = TritonServer(f"127.0.0.1:{port}")
    yield TritonSession(CARD, golden_of(CARD), client, lambda: now[0])
    client.close()
    server.stop(None).wait()


def golden_of(card: ModelCard) -> Golden:
    return Golden(card.sha256, 1e-3, {"embedding": computed(picture(card.input))})


def images(count: int) -> "np.ndarray[Any, Any]":
    return np.random.default_rng(3).integers(0, 256, (count, 8, 8, 3), np.uint8)


def soon() -> Deadline:
    return Deadline.after(10)


def code_of(attempt: Callable[[], object]) -> ErrorCode:
    with pytest.raises(OnRecordError) as refused:
        attempt()
    return refused.value.code


def test_a_batch_beyond_the_servers_largest_goes_as_several(
    session: TritonSession, triton: FakeTriton
) -> None:
    given = images(10)
    found = session.run({"image": given}, soon())["embedding"]
    np.testing.assert_array_equal(found, computed(given))
    assert not found.flags.writeable
    assert triton.batches == [1, 4, 4, 2]  # the golden picture first
    assert all(0 < one <= 10_000_000 for one in triton.timeouts), "the deadline travels"


def test_a_model_is_verified_once_and_again_by_the_readiness_check(
    session: TritonSession, triton: FakeTriton, now: list[float]
) -> None:
    for _ in range(3):
        session.run({"image": images(1)}, soon())
        session.check(soon())
    assert triton.configs == 1
    now[0] += 61.0
    session.check(soon())
    assert triton.configs == 2


@pytest.mark.parametrize("said", [None, "ab" * 32])
def test_another_hash_in_the_configuration_is_refused(
    session: TritonSession, triton: FakeTriton, said: str | None
) -> None:
    """R-37."""
    triton.sha256 = said
    assert code_of(lambda: session.run({"image": images(1)}, soon())) is ErrorCode.MODEL_HASH
    assert code_of(lambda: session.check(soon())) is ErrorCode.MODEL_HASH
    assert triton.batches == []


def test_a_server_that_computes_something_else_is_refused_until_it_does_not(
    session: TritonSession, triton: FakeTriton
) -> None:
    """R-37, R-47: the right hash beside another model, or another precision."""
    triton.off = 0.2  # a thousandth of the largest value, and a little
    assert code_of(lambda: session.run({"image": images(1)}, soon())) is ErrorCode.MODEL_HASH
    triton.off = 0.01
    session.run({"image": images(1)}, soon())


def test_a_server_that_turns_into_another_is_noticed(
    session: TritonSession, triton: FakeTriton, now: list[float]
) -> None:
    session.run({"image": images(1)}, soon())
    triton.sha256 = "ab" * 32
    now[0] += 61.0
    assert code_of(lambda: session.check(soon())) is ErrorCode.MODEL_HASH
    assert code_of(lambda: session.run({"image": images(1)}, soon())) is ErrorCode.MODEL_HASH


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (_Status.UNAVAILABLE, "Exceeds maximum queue size", ErrorCode.OVERLOADED),
        (_Status.RESOURCE_EXHAUSTED, "", ErrorCode.OVERLOADED),
        (_Status.UNAVAILABLE, "Request timeout expired", ErrorCode.DEADLINE_EXCEEDED),
        (_Status.UNAVAILABLE, "connection refused", ErrorCode.INFERENCE_UNAVAILABLE),
        (_Status.NOT_FOUND, "unknown model", ErrorCode.INFERENCE_UNAVAILABLE),
        (_Status.INTERNAL, "Stub process is not healthy.", ErrorCode.INFERENCE_UNAVAILABLE),
        (_Status.INTERNAL, "the model failed", ErrorCode.INTERNAL),
        (_Status.INVALID_ARGUMENT, "unexpected shape", ErrorCode.INTERNAL),
    ],
)
def test_what_triton_says_in_our_words(
    session: TritonSession,
    triton: FakeTriton,
    status: grpc.StatusCode,
    words: str,
    code: ErrorCode,
) -> None:
    """Law 4: away is a 503, too much is shed with a time, a slip of ours is ours."""
    session.run({"image": images(1)}, soon())
    triton.refuses = (status, words)
    with pytest.raises(OnRecordError) as refused:
        session.run({"image": images(1)}, soon())
    assert refused.value.code is code
    waits = code in (ErrorCode.OVERLOADED, ErrorCode.INFERENCE_UNAVAILABLE)
    assert (retry_after_seconds(refused.value) is not None) == waits
    triton.refuses = None
    session.run({"image": images(1)}, soon())


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_a_request_is_written_as_protobuf_writes_it(size: int) -> None:
    """What Triton reads is the very image, whatever its length."""
    content = np.arange(size, dtype=np.uint8)
    request = pb.ModelInferRequest(model_name="a model", model_version="1")
    written = encoded(request, content.data)
    request.raw_input_contents.append(content.tobytes())
    assert pb.ModelInferRequest.FromString(written) == request


def test_a_full_queue_is_no_reason_to_be_unready(
    session: TritonSession, triton: FakeTriton
) -> None:
    triton.refuses = (_Status.UNAVAILABLE, "Exceeds maximum queue size")
    session.check(soon())


def test_a_golden_answer_of_another_model_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    path.write_text(golden_of(CARD).to_json())
    assert read_golden(path, CARD).apart({"embedding": computed(picture(CARD.input))}) < 1e-6
    other = small_card("cd" * 32)
    assert code_of(lambda: read_golden(path, other)) is ErrorCode.MODEL_CARD_INVALID
    assert code_of(lambda: read_golden(tmp_path / "no", CARD)) is ErrorCode.MODEL_CARD_INVALID


@pytest.mark.parametrize("answer", [{}, {"embedding": np.zeros((1, 3), np.float32)}])
def test_an_answer_of_another_shape_is_infinitely_far(answer: Any) -> None:
    golden = golden_of(CARD)
    assert golden.apart(answer) == float("inf")
    assert golden.apart({"embedding": np.full((1, 2), np.nan, np.float32)}) == float("inf")
