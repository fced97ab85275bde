"""The web page of `pk ui`: a cluster in the browser, on the loopback interface.

opening.py      what commands call first
server.py       listens, and runs until it is asked to stop
app.py          the routes: each page as HTML, and as JSON beside it
guard.py        which requests are let in, and the headers that keep other sites out
connection.py   the one session with the cluster that all pages share
pages.py        the table of pages: what each shows, and the command that shows the same
views/          what is on a page, as a document; history.py adds what has changed, paging.py divides long lists
filters.py      which records a search is for; streams.py sends them as they are found or arrive
producing.py    sends a record; problems.py has what can go wrong, as a document
rendering.py    a document as HTML, by templates/; static/ has the style sheet, our script and htmx

Starlette, uvicorn and Jinja2 come with the extra `ui`; they are imported only when a page is opened.
"""
