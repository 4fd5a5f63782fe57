import duckdb, os, sys
q=sys.argv[1]
c=duckdb.connect(":memory:", config={"temp_directory":""}).cursor()
c.execute("SET enable_external_access=false"); c.execute("SET lock_configuration=true")
try: print("OK", c.execute(q).fetchall())
except Exception as e: print("no", type(e).__name__, str(e)[:150])
