"""Each operator with its inputs at one place, and the formula of what some of its queries are to see."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from attention.operators.agent import agent_attention
from attention.operators.cog import cog_attention
from attention.operators.dual import dual_attention
from attention.operators.foveal import foveal_attention
from attention.operators.interleaved import interleaved_attention
from attention.operators.mixed import mixed_attention
from attention.operators.mixture_of_head import mixture_of_head
from attention.operators.neighborhood import neighborhood_attention
from attention.operators.pointer import pointer_attention
from attention.operators.relational import DEGREES, SIZES, relational_attention
from attention.operators.routed import route, routed_attention
from attention.operators.sigmoid import sigmoid_attention
from tests.bench.attention_rivals import HEADS, PLAIN, WIDTH, Case, Draw, Indices, Mods, Place, Side, attended, logits

WINDOW, REGION, TOP, AGENTS, SLICES, TARGET, STEPS, E2, LEVELS = 7, 4, 4, 49, 5, 64, 20, 2.0, 4


def flat(*grids: Tensor) -> tuple[Any, ...]:
    return tuple(x.flatten(2, -2) for x in grids)


def lie(boxes: Tensor, weight: Tensor) -> Mods:
    """The relational bias, number by number, from tables of the boxes."""
    x, y = (boxes[..., i] + boxes[..., i + 2] / 2 for i in (0, 1))
    wide, high = boxes[..., 2].log(), boxes[..., 3].log()
    area = (wide + high).exp()

    def added(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        b = b * (boxes.shape[0] > 1)
        dx, dy = x[b, j] - x[b, i], y[b, j] - y[b, i]
        square = dx * dx + dy * dy
        way = torch.rsqrt(torch.where(square > 0, square, 1.0))
        features = [torch.exp(square * (-0.5 / sigma**2)) for sigma in DEGREES]
        features += [torch.exp(square / area[b, i] * (-0.5 / rho**2)) for rho in SIZES]
        features += [dx * way, dy * way, wide[b, j] - wide[b, i], high[b, j] - high[b, i]]
        total = weight[h, 0] * features[0]
        for index, feature in enumerate(features[1:], 1):
            total = total + weight[h, index] * feature
        return total

    return Mods(added)


def relational(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.sequences(place)
    if place.h > 1:
        at = torch.arange(place.n, device=q.device)
        boxes = torch.stack([at % place.w, at // place.w, at**0, at**0], -1).float()[None]
    else:
        boxes = torch.cat([40 * draw.uniform(place.b, place.n, 2), 1 + 4 * draw.uniform(place.b, place.n, 2)], -1)
    pairs = place.b * place.n**2
    for learned in (True, False):
        weight = (0.3 * draw.uniform(HEADS, 12)).requires_grad_(learned)
        mods = lie(boxes, weight)
        yield Case(
            "relational",
            "relational" if learned else "relational, w fixed",
            Side(lambda w=weight: relational_attention(q, k, v, boxes, boxes, w), [q, k, v] + [weight] * learned),
            lambda: (q, k, v),
            mods,
            attended(lambda: (q, k, v), mods),
            pairs,
            4 * pairs * (HEADS + 24),
        )


def cells(place: Place, device: str) -> Tensor:
    """Of all cells: x, y, from how far they are whole, their parents' x, y, until where these are split, tokens."""
    found = []
    far = [(E2 * (2**level - 1)) ** 2 for level in range(LEVELS)] + [torch.inf]
    for level in range(LEVELS):
        size, twice = 2**level, 2 ** (level + 1)
        y, x = torch.meshgrid(*(torch.arange(-(-side // size)) for side in place[2:]), indexing="ij")
        count = (place.h - y * size).clamp(max=size) * (place.w - x * size).clamp(max=size)
        own = [(x + 0.5) * size, (y + 0.5) * size, torch.full(x.shape, far[level])]
        above = [(x // 2 + 0.5) * twice, (y // 2 + 0.5) * twice, torch.full(x.shape, far[level + 1])]
        found.append(torch.stack([*own, *above, count]).flatten(1))
    return torch.cat(found, 1).to(device)


def pooled(x: Tensor) -> Tensor:
    """The means of all cells, (b, heads, cells, d)."""
    b, heads, h, w, d = x.shape
    image = x.permute(0, 1, 4, 2, 3).reshape(b, heads * d, h, w)
    means = [avg_pool2d(image, 2**level, ceil_mode=True).flatten(2) for level in range(LEVELS)]
    return torch.cat(means, 2).reshape(b, heads, d, -1).transpose(2, 3)


def foveal(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.heads(place)
    x, y, least, px, py, below, count = cells(place, draw.device)
    share = count.log()

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        at, down = i % place.w + 0.5, i // place.w + 0.5
        own = (x[j] - at) * (x[j] - at) + (y[j] - down) * (y[j] - down)
        above = (px[j] - at) * (px[j] - at) + (py[j] - down) * (py[j] - down)
        return (own >= least[j]) & (above < below[j])

    like = lambda: (q.flatten(2, 3), pooled(k), pooled(v))  # noqa: E731
    mods = Mods(lambda b, h, i, j: share[j], seen)
    ours = Side(lambda: foveal_attention(q, k, v, e2=E2, levels=LEVELS), [q, k, v])
    some, every = torch.arange(0, place.n, 7, device=q.device)[:, None], torch.arange(len(x), device=q.device)
    pairs = int(seen(some, some, some, every).float().mean() * len(x) * place.n * place.b)
    yield Case("foveal", "foveal", ours, like, mods, attended(like, mods), pairs)


def inside(place: Place) -> Indices:
    """Whether key j is in the window of query i."""

    def along(i: Tensor, j: Tensor, size: int) -> Tensor:
        start = (i - WINDOW // 2).clamp(0, max(size - WINDOW, 0))
        return (j >= start) & (j < start + WINDOW)

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        w = place.w
        return along(i // w, j // w, place.h) & along(i % w, j % w, w)

    return seen


def neighborhood(place: Place, draw: Draw) -> Iterator[Case]:
    grids = draw.sequences(place) if place.h == 1 else draw.heads(place)
    name, reach = ("neighborhood, 1-D", WINDOW) if place.h == 1 else ("neighborhood", WINDOW**2)
    ours = Side(lambda: neighborhood_attention(*grids, WINDOW), grids)
    mods = Mods(seen=inside(place))
    like = lambda: flat(*grids)  # noqa: E731
    yield Case("neighborhood", name, ours, like, mods, attended(like, mods), place.b * place.n * reach)


def dual(place: Place, draw: Draw) -> Iterator[Case]:
    grids = draw.heads(place)
    like = lambda: flat(*grids)  # noqa: E731

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        w = place.w
        return (i // w // WINDOW == j // w // WINDOW) & (i % w // WINDOW == j % w // WINDOW)

    ours = Side(lambda: dual_attention(*grids, "windows", WINDOW), grids)
    mods = Mods(seen=seen)
    yield Case("dual", "dual, windows", ours, like, mods, attended(like, mods), place.b * place.n * WINDOW**2)

    def channels(rows: Tensor) -> Tensor:
        q, k, v = (x.double() for x in like())
        weights = (q.transpose(2, 3) @ k * WIDTH**-0.5).softmax(-1)
        return v[:, :, rows] @ weights.transpose(2, 3)

    ours = Side(lambda: dual_attention(*grids, "channels"), grids)
    yield Case("dual", "dual, channels", ours, like, PLAIN, channels, place.b * place.n * WIDTH)


def routed(place: Place, draw: Draw) -> Iterator[Case]:
    grids = draw.heads(place)
    like = lambda: flat(*grids)  # noqa: E731
    across = -(-place.w // REGION)
    routes = route(grids[0], grids[1], REGION, TOP)
    chosen = torch.zeros(place.b, routes.shape[1], routes.shape[1] + 1, dtype=torch.bool, device=draw.device)
    chosen = chosen.scatter(2, routes.where(routes >= 0, routes.shape[1]), True)

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        mine, other = (x // place.w // REGION * across + x % place.w // REGION for x in (i, j))
        return chosen[b, mine, other]

    ours = Side(lambda: routed_attention(*grids, REGION, TOP), grids)
    mods = Mods(seen=seen)
    yield Case("routed", "routed", ours, like, mods, attended(like, mods), place.b * place.n * REGION**2 * TOP)


def agent(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.sequences(place)
    agents = draw(place.b, HEADS, AGENTS, WIDTH)
    asking, looking = draw(1, HEADS, place.n, AGENTS), draw(1, HEADS, AGENTS, place.n)

    def expected(rows: Tensor) -> Tensor:
        every = torch.arange(AGENTS, device=q.device)
        gathered = (logits(agents, k, every) + looking.double()).softmax(-1) @ v.double()
        return (logits(q, agents, rows) + asking[:, :, rows].double()).softmax(-1) @ gathered

    leaves = [q, k, v, agents, asking, looking]
    ours = Side(lambda: agent_attention(q, k, v, agents, asking, looking), leaves)
    yield Case("agent", "agent", ours, lambda: (q, k, v), PLAIN, expected, 2 * place.b * place.n * AGENTS)


def interleaved(place: Place, draw: Draw) -> Iterator[Case]:
    tokens = [draw(place.b, HEADS, SLICES, place.n, WIDTH) for _ in range(3)]
    like = lambda: flat(*tokens)  # noqa: E731
    for over, seen, reach in (
        ("space", lambda b, h, i, j: i // place.n == j // place.n, place.n),
        ("time", lambda b, h, i, j: i % place.n == j % place.n, SLICES),
    ):
        ours = Side(lambda over=over: interleaved_attention(*tokens, over=over), tokens)
        mods = Mods(seen=seen)
        pairs = place.b * SLICES * place.n * reach
        yield Case("interleaved", f"interleaved, {over}", ours, like, mods, attended(like, mods), pairs)


def pointer(place: Place, draw: Draw) -> Iterator[Case]:
    q, e = draw(place.b, STEPS, HEADS * WIDTH), draw(place.b, place.n, HEADS * WIDTH)
    end = draw(place.b, STEPS)

    def expected(rows: Tensor) -> Tensor:
        every = torch.cat([logits(q[:, None], e[:, None], rows), end[:, None, rows, None].double()], -1)
        return every.log_softmax(-1)

    ours = Side(lambda: pointer_attention(q, e, end)[:, None], [q, e, end])
    like = lambda: (q[:, None], e[:, None], e[:, None])  # noqa: E731
    yield Case("pointer", "pointer", ours, like, PLAIN, expected, place.b * STEPS * place.n)


def mixed(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.sequences(place)
    target = [draw(1, HEADS, TARGET if place.h > 1 else 1, WIDTH) for _ in range(2)]

    def like() -> tuple[Tensor, Tensor, Tensor]:
        keys, values = (torch.cat([t.expand(place.b, -1, -1, -1), x], 2) for t, x in zip(target, (k, v), strict=True))
        return q, keys, values

    ours = Side(lambda: mixed_attention(q, k, v, *target), [q, k, v, *target])
    yield Case("mixed", "mixed", ours, like, PLAIN, attended(like), place.b * place.n**2)


def cog(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.sequences(place)

    def expected(rows: Tensor) -> Tensor:
        found = logits(q, k, rows)
        return (found.sign() * found.abs().softmax(-1)) @ v.double()

    pairs = place.b * place.n**2
    ours = Side(lambda: cog_attention(q, k, v), [q, k, v])
    yield Case("cog", "cog", ours, lambda: (q, k, v), PLAIN, expected, pairs, 4 * HEADS * pairs)


def sigmoid(place: Place, draw: Draw) -> Iterator[Case]:
    q, k, v = draw.sequences(place)

    def expected(rows: Tensor) -> Tensor:
        odds = logits(q, k, rows).exp() / place.n
        return odds / (1 + odds) @ v.double()

    pairs = place.b * place.n**2
    ours = Side(lambda: sigmoid_attention(q, k, v), [q, k, v])
    yield Case("sigmoid", "sigmoid", ours, lambda: (q, k, v), PLAIN, expected, pairs, 4 * HEADS * pairs)


def heads_mixed(place: Place, draw: Draw) -> Iterator[Case]:
    """Of four heads, each token takes the first and one more."""
    q, k, v = draw.sequences(place)
    taken = 1 + (draw.uniform(place.b, place.n, 1) * (HEADS - 1)).long()
    gates = torch.zeros(place.b, place.n, HEADS, device=draw.device).scatter(2, taken, 1.5)
    gates[..., 0] = 0.5
    gates = gates.to(draw.dtype).requires_grad_()
    plain = attended(lambda: (q, k, v))

    def expected(rows: Tensor) -> Tensor:
        return plain(rows) * gates[:, rows].double().transpose(1, 2)[..., None]

    ours = Side(lambda: mixture_of_head(q, k, v, gates), [q, k, v, gates])
    yield Case("mixture_of_head", "mixture_of_head", ours, lambda: (q, k, v), PLAIN, expected, place.b * place.n**2)


OPERATORS: dict[str, Callable[[Place, Draw], Iterator[Case]]] = {
    "relational": relational,
    "foveal": foveal,
    "neighborhood": neighborhood,
    "dual": dual,
    "routed": routed,
    "agent": agent,
    "interleaved": interleaved,
    "pointer": pointer,
    "mixed": mixed,
    "cog": cog,
    "sigmoid": sigmoid,
    "mixture_of_head": heads_mixed,
}
OF_OBJECTS = ("relational", "cog", "sigmoid", "mixture_of_head", "pointer", "mixed")
