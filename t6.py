import duckdb, os
os.makedirs("/tmp/dk/w6",exist_ok=True)
for f in os.listdir("/tmp/dk/w6"):
    if f.startswith("a.duckdb") and not os.path.isdir("/tmp/dk/w6/"+f): os.remove("/tmp/dk/w6/"+f)
c=duckdb.connect("/tmp/dk/w6/a.duckdb", config={"memory_limit":"60MB","threads":"1","temp_directory":"/tmp/dk/w6/tables.tmp"})
c.execute("SET enable_external_access=false"); c.execute("SET lock_configuration=true")
print(c.execute("create table t as select a, hash(a)::varchar||'xxxxxxxxxxxxxxxxxxxxxxxxx' b from range(3000000) t(a) order by b").fetchall(), os.listdir("/tmp/dk/w6"))
