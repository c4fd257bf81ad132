"""`sessionoptimizer serve`: OTLP in, reports and annotated traces out, nothing lost.

    HTTP :4318 ─┐                        ┌─► forwarding ─► other OTLP endpoints, byte for byte, then the findings
    gRPC :4317 ─┴► request log (on disk) ┤
                   before the answer     └─► reader process ─► digests by trace (SQLite) ─► workers ─► report files,
                                             when is a session over?                                   history, findings

Three kinds of process: the *receiver* (`app`) takes requests, writes the log and forwards it; one *reader*
(`reader_process`) follows the log, turns spans into digests, keeps those by trace and decides what is due; *workers*
(`analysis_worker`) make reports. Only the log's position passes between them, so that the death of any of them, or of
all, loses nothing: each goes on where its last transaction ended.

Raw requests, the only thing here that holds contents, are deleted as soon as they are read and sent on.

Where further parts go: routes of pages and API into `pages.pages_app` (port 8425), which gets the `Service` as
`app.state.service`; it has `history` (a `store.protocol.Store` with the reports of all sessions, to be read from any
thread) and `status()` (counters of all processes).
"""
