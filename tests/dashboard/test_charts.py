"""Charts: what they draw of few points, and what a screen reader is told."""

from datetime import date
from xml.etree import ElementTree

from dashboard.charts import Point, trend


def drawn(points: list[Point]) -> ElementTree.Element:
    return ElementTree.fromstring(trend(points, "Exposure score"))


def test_of_one_day_there_is_a_dot_and_no_line():
    chart = drawn([Point(date(2026, 11, 26), 38.2)])

    assert chart.get("aria-label") == "Exposure score: 38 on 26 November"
    assert chart.find(".//polyline").get("points") == ""
    assert chart.find(".//*[@class='area']").get("d") == ""
    assert len(chart.findall("circle")) == 1
    assert [text.text for text in chart.findall("text") if "Nov" in text.text] == ["26 Nov"]


def test_of_two_days_there_is_a_line_from_border_to_border():
    chart = drawn([Point(date(2026, 11, 25), 47), Point(date(2026, 11, 26), 38.2)])

    assert chart.get("aria-label") == "Exposure score from 47 on 25 November to 38 on 26 November"
    first, last = chart.find(".//polyline").get("points").split()
    assert (first.split(",")[0], last.split(",")[0]) == ("0.00", "100.00")
    assert [text.text for text in chart.findall("text") if "Nov" in text.text] == ["25 Nov", "26 Nov"]
