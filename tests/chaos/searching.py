"""Investigators, somebody new for each search."""

import time
from collections.abc import Callable, Sequence

from onrecord.client import ClientError, OnRecordClient, Search
from onrecord.kernel.vocabulary import UNWITNESSED_STAMP, GalleryStatus, SearchStatus
from tests.builders import e2e_people as people
from tests.builders.e2e_people import Person
from tests.builders.e2e_photographs import unique
from tests.chaos.asking import Asker
from tests.chaos.records import Record, Records
from tests.chaos.stage import GALLERIES
from tests.chaos.told import Told

_LIST = 2
_OPEN = "still_processing"
_OLDEST = 3


class Searching:
    """Searches with the very picture that a record was enrolled with."""

    def __init__(
        self,
        asker: Asker,
        records: Records,
        told: Told,
        cosigned: Callable[[], Sequence[int]] = list,
    ) -> None:
        """`cosigned`: how many entries each witness has cosigned by now."""
        self._asker = asker
        self._cosigned = cosigned
        self._records = records
        self._told = told
        self._open: list[tuple[Person, str]] = []
        self._turn = 0
        self.last_whole = 0.0
        """When the last search began that found every gallery searched (monotonic)."""

    def once(self) -> None:
        self._ask_for_a_lead()
        found = self._records.to_search()
        if found is None:
            return
        record, deleted = found
        who, request, key = people.investigator(), _request(), people.fresh_key()
        probe = unique(record.picture)
        began = time.monotonic()

        def act(client: OnRecordClient) -> Search:
            answer = client.search(request, probe, idempotency_key=key)
            if answer.status is SearchStatus.PROCESSING:  # to be taken up while the grant lives
                raise ClientError(503, _OPEN, None, "a gallery's answer did not arrive")
            return answer

        search = self._asker.ask("search", who, act)
        if search is None:
            return
        self._note(search, who, record, deleted)
        # A gallery that was away has its end; whoever wants it asks anew, with another search.
        if any(one.status is not GalleryStatus.SEARCHED for one in search.galleries):
            self._asker.heard.count("search: answered, a gallery not searched")
        else:
            self.last_whole = began
            self._open.append((who, search.search_id))

    def ask_for_leads(self) -> None:
        """Of every search that waits for its examiners, or whose lead was not witnessed."""
        for one in tuple(self._open):
            self._ask_about(one)

    def _ask_for_a_lead(self) -> None:
        """Of one of the oldest searches: examiners begin with those."""
        self._turn += 1
        if self._open:
            self._ask_about(self._open[self._turn % min(_OLDEST, len(self._open))])

    def _ask_about(self, one: tuple[Person, str]) -> None:
        """Whether its examiners are done; then for its leads."""
        who, search_id = one
        search = self._asker.ask("status", who, lambda client: client.get_search(search_id))
        if search is None or search.status in (SearchStatus.SEALED, SearchStatus.EXAMINING):
            return
        self._open.remove(one)
        if search.status is SearchStatus.RELEASED:
            leads = self._asker.ask("leads", who, lambda client: client.leads(search_id))
            if leads is None:
                return
            self._told.note(
                "released",
                search_id=search_id,
                records=[one.record_id for one in leads.leads],
                stamps=leads.stamps,
                cosigned=self._cosigned(),
            )
            if UNWITNESSED_STAMP in leads.stamps:  # asked for again, it may be witnessed
                self._open.append(one)

    def _note(self, search: Search, who: Person, record: Record, deleted: bool) -> None:
        document = search.receipt.document
        self._told.note(
            "searched",
            search_id=search.search_id,
            person=who.person,
            index=search.receipt.index,
            body=document["body"],
            galleries={one.gallery: one.status.value for one in search.galleries},
            receipts={
                one.gallery: one.receipt.statement_sha256
                for one in search.galleries
                if one.receipt is not None
            },
            of=record.gallery,
            record=record.record_id,
            # Deleted before it was asked for, or live until after it was answered.
            deleted=deleted,
            live=not deleted and self._records.is_live(record),
        )


def _request() -> dict[str, object]:
    return people.request(galleries=list(GALLERIES), list_size=_LIST)
