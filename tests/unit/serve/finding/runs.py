"""What tests of everything mode in a seat share."""

GRID = {"points_per_side": 4, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
SIZE = (60, 80)


def finish(page, **parameters):
    """The ids that a whole run finds, best first."""
    *_, last = page.service.everything(page.token, {**GRID, **parameters})
    assert last["stage"] == "done"
    return last["order"]


def shown_by(events):
    """What a page holds after these events: id -> mask."""
    held = {}
    for event in events:
        held |= {mask["id"]: mask for mask in event.get("added", [])}
        for id in event.get("removed", []):
            del held[id]
    return held


def seat_of(page):
    return page.service.seats.get(page.token)
