"""Which requests the page of pk ui lets in."""

import pytest

from tests.support.web_page import HOST, PORT, page_of

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
async def test_the_names_of_this_machine_are_let_in(host: str) -> None:
    assert (await page_of(NOWHERE).get("/static/style.css", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:9", "127.0.0.1", f"{HOST}.evil.example"]
)
async def test_another_name_for_this_address_is_rejected(host: str) -> None:
    response = await page_of(NOWHERE).get("/topics.json", headers={"Host": host})

    assert response.status_code == 403
    assert host in response.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:9"])
async def test_pages_of_other_sites_are_rejected(origin: str) -> None:
    assert (await page_of(NOWHERE).get("/topics.json", headers={"Origin": origin})).status_code == 403


async def test_our_own_pages_are_let_in() -> None:
    response = await page_of(NOWHERE).get("/static/style.css", headers={"Origin": f"http://{HOST}"})

    assert response.status_code == 200


async def test_a_script_of_another_site_is_rejected_that_names_no_origin() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}

    assert (await page_of(NOWHERE).get("/topics.json", headers=headers)).status_code == 403


async def test_a_link_from_another_site_is_followed() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert (await page_of(NOWHERE).get("/static/style.css", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/topics.json", "/static/app.js", "/nowhere"])
async def test_no_page_runs_scripts_from_elsewhere_or_in_line(path: str) -> None:
    headers = (await page_of(NOWHERE).get(path)).headers

    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/topics", "/nowhere"])
async def test_pages_have_no_script_or_style_in_line(path: str) -> None:
    page = (await page_of(NOWHERE).get(path)).text

    assert "<style" not in page
    assert " style=" not in page
    assert " onclick" not in page
    assert all(each.startswith(' src="/static/') for each in page.split("<script")[1:])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/topics", "/topics.json", "/group"])
async def test_pages_that_show_something_change_nothing(method: str, path: str) -> None:
    assert (await page_of(NOWHERE).request(method, path)).status_code == 405
