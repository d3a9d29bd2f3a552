"""From what was told to rows: facts that may come in any order and any number of times, and what follows from them.

A row is inserted once by its identity (`facts.Once`), or merged by a rule that does not depend on the order
(`facts.Merge`); whatever hangs on several rows is made anew from them (`deriving`). So duplicates and disorder
converge.
"""
