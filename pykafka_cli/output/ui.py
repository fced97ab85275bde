"""`pk ui`: where the page is."""


def print_address(bootstrap: str, url: str) -> None:
    print(f"{bootstrap} is shown at {url}\nCtrl-C ends it.", flush=True)
