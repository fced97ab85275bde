"""The web page of `pk ui`: a cluster in the browser, on the loopback interface.

opening.py      entry point for commands
server.py       listens, and runs until stopped
app.py          the routes: each page as HTML, and as JSON beside it
guard.py        which requests are accepted, and the headers that keep other sites out
connection.py   the one session with the cluster that all pages share
pages.py        the table of pages: what each shows, and the corresponding command
views/          the content of each page, as a document; history.py adds changes, paging.py divides long lists
filters.py      the records that a search selects; streams.py sends them as they are found or arrive
producing.py    sends a record; problems.py has errors as documents
rendering.py    a document as HTML, with templates/; static/ has the style sheet, our script and htmx

Starlette, uvicorn and Jinja2 come with the extra `ui`; they are imported only when a page is opened.
"""
