-- Lmod's modulefile: yprov-run/VERSION.lua, in a folder of MODULEPATH.
--
-- `bin` holds the three commands and nothing else. The bin folder of the virtual environment would
-- put its own `python` before the user's: never let it onto anybody's PATH.

local root = "/opt/yprov-run"

whatis("Name: yprov-run")
whatis("Description: one word before a batch job's command; one W3C PROV document of the whole job")

help([[
    yprov-run srun -N 4 python train.py      record a job
    yprov-run --init list                    batch scripts to start from
    yprov-merge JOB_ID                       the document, after a crash
    yprov-inspect show JOB_ID                look at it
]])

prepend_path("PATH", pathJoin(root, "bin"))
