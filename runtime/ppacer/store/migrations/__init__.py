"""How a database of an earlier schema becomes one of this version: `every` lists the migrations, `upgrade` runs them.

What was released once never changes: a migration, its steps and their order stay as they are, and speak of tables in
words of their own, not in those of `ppacer.store.schema`, which go on changing.
"""
