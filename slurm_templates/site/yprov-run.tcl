#%Module1.0
# Modulefile in Tcl, for Environment Modules and Lmod: yprov-run/VERSION in a folder of MODULEPATH.
#
# `bin` holds the three commands and nothing else. The bin folder of the virtual environment would
# put its own `python` before the user's: never let it onto anybody's PATH.

set root /opt/yprov-run

module-whatis "yprov-run: one word before a batch job's command; one W3C PROV document of the job"

proc ModulesHelp { } {
    puts stderr "    yprov-run srun -N 4 python train.py      record a job"
    puts stderr "    yprov-run --init list                    batch scripts to start from"
    puts stderr "    yprov-merge JOB_ID                       the document, after a crash"
    puts stderr "    yprov-inspect show JOB_ID                look at it"
}

prepend-path PATH $root/bin
