"""Delivery: every ticket once, none lost, none doubled, over a network that lies.

The database row is the queue. A claim is a conditional UPDATE, the attempt is committed before a byte is sent, and an
outcome counts only while its claim is the latest. An unknown outcome is never repeated before two complete listings,
both started after the quarantine, have not shown our marker; what is found is adopted.

A ticket's `delivery_state` is written in this package and nowhere else.

When Graph refuses creation (403), nothing fails for good: consent may come any minute. After one new token the ticket
goes back into the queue with a reason that says what remains to be done; the system's circuit opens at once, so that
one ticket a probe interval tries again and the others wait. `states.explain` puts that in words for each of them.

Where devices go into a ticket one by one (`fill`), the ticket is delivered first, empty, by all of these rules.

Not provable, and said here so: should the ticket system commit a request later than the quarantine after we gave it up,
or hide a ticket from two listings, a second ticket is possible. The next listing then finds and reports it.
"""
