"""Namespaces, and every term of our own with its meaning; docs/terms.md is made from this."""

from __future__ import annotations

from dataclasses import dataclass

# The future address of docs/terms.md.
RUN = "https://w3id.org/yprov-run/terms#"

NAMESPACES = {
    "run": RUN,
    # The family's own spelling: programs of the family look for these prefixes.
    "yprov": "https://github.com/HPCI-Lab/yProv4ML",
    "provml": "prov-ml",
    "schema": "http://schema.org/",
    "dcterms": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


@dataclass(frozen=True)
class Term:
    """A term: what it says, the XSD type of its value ("" for a class), and the unit."""

    name: str
    definition: str
    datatype: str = "xsd:string"
    unit: str = ""


_CLASSES = (
    ("Job", "A job: everything launched under one job id."),
    ("Step", "One launched command of a job."),
    ("NodeExecution", "What one step did on one node."),
    ("Host", "A node, as a thing that outlives the job."),
    ("NodeHardware", "What nodes are made of and run on: the same for all nodes that are equal."),
    ("GPU", "An accelerator, as a thing that outlives the job; its identifier holds its UUID."),
    ("PowerZone", "Another part of a node whose power or memory was read, such as a CPU package."),
    ("Command", "A command line as it was given to yprov-run."),
    ("Environment", "Environment variables of a launched command; prov:value is a JSON object."),
    ("File", "A file that the job read or wrote, in one version of it."),
    ("SampleFile", "A node's samples as its agent wrote them, one row a sample."),
    ("TaskTable", "A table with one row per task: node, rank, process id, how it ended."),
    ("DeviceTable", "A table with one row per GPU and node execution: its energy and figures."),
    ("SampleTable", "A table with one row per sample file: its node, path, rows and checksum."),
    ("Task", "One task (rank) of a step; only those with records of their own have one."),
    ("EmbeddedDocument", "A record that the job's own program wrote, copied beside the document."),
    ("RefusedRecord", "A record of an embedded document that PROV does not allow; kept as a text."),
    ("MlflowRun", "A run in MLflow's file store."),
    ("MlflowMetric", "A metric of a run in MLflow's file store."),
    ("ColumnSchema", "The columns of tables that refer to it by dcterms:conformsTo."),
)

_PROPERTIES = (
    ("state", "completed, failed (exit status not 0), killed (by a signal), running, or unknown."),
    ("stateSource", "Who saw the end: yprov-run, the node agents, or none."),
    ("stateReason", "More about the state, such as the time limit or what was lost."),
    ("exitStatus", "Exit status of the command.", "xsd:int"),
    ("signal", "Name of the signal that the command died of."),
    ("stepCount", "Number of steps.", "xsd:int"),
    ("nodeCount", "Number of different nodes that recorded anything.", "xsd:int"),
    ("expectedNodeCount", "Number of nodes the launcher gave to the step.", "xsd:int"),
    ("gpuCount", "Number of different GPUs that were sampled, by UUID.", "xsd:int"),
    ("taskCount", "Number of tasks that announced themselves.", "xsd:int"),
    ("workerCount", "Number of processes to which tasks gave ranks of their own (torchrun).",
     "xsd:int"),
    ("expectedTaskCount", "Number of tasks the launcher started, as it says.", "xsd:int"),
    ("taskEndings", "JSON object: how many tasks ended with which exit status or signal."),
    ("gapCount", "Number of things that should have been recorded and were not.", "xsd:int"),
    ("gaps", "JSON array of [where, what is missing]."),
    ("tags", "JSON object of the user's tags."),
    ("argv", "JSON array of the command's words; credentials replaced."),
    ("launcher", "srun, openmpi, or local."),
    ("scheduler", "The batch system, or none."),
    ("schedulerVariables", "JSON object of the scheduler's variables, without credentials."),
    ("schedulerStepId", "The scheduler's number of the step."),
    ("workingDirectory", "Folder in which the command was launched."),
    ("energy", "Energy of the GPUs over the execution.", "xsd:double", "J"),
    ("energyEstimated", "Part of the energy before the first and after the last sample, taken "
     "from the nearest power sample.", "xsd:double", "J"),
    ("energySource", "How the energy was had: energy counter, or trapezoid of power samples."),
    ("energyBound", "The true energy is not further than this from the energy given, as far as "
     "reading it goes; the sensor's own calibration is not in it.", "xsd:double", "J"),
    ("energySecond", "The same energy with the trapezoid of power samples in the counter's place; "
     "of a device: over what the counter covers.", "xsd:double", "J"),
    ("energyDisagreement", "Trapezoid over counter, less 1, over the same time.", "xsd:double",
     "1"),
    ("energySegments", "Stretches of the counter: 1 unless it was reset or stood still.",
     "xsd:int"),
    ("counterUpdate", "Longest time between two updates of the energy counter, as seen.",
     "xsd:double", "s"),
    ("energyScopes", "JSON array of [kind of device, number, energy in J, bound in J]; the kinds "
     "overlap: a node holds modules, a module GPUs."),
    ("measuredEnergy", "Energy of the widest scopes that do not overlap.", "xsd:double", "J"),
    ("measuredEnergyBound", "Bound on that energy, as in energyBound.", "xsd:double", "J"),
    ("measuredScopes", "Which scopes these are."),
    ("idleShare", "Share of the GPU's time with a known use in which no kernel ran.",
     "xsd:double", "1"),
    ("idleEnergy", "Energy of the GPU in that time, by the trapezoid of power samples.",
     "xsd:double", "J"),
    ("throttledShare", "Share of the sampled time in which power or heat held the clocks down.",
     "xsd:double", "1"),
    ("throttledBy", "JSON object: the same share by reason; several may hold at once."),
    ("deviceCoverage", "Share of the executions' time between valid samples of the GPUs.",
     "xsd:double", "1"),
    ("deviceImbalance", "1 - mean / highest of the GPUs' mean utilisation.", "xsd:double", "1"),
    ("nodeImbalance", "The same between nodes; of their CPUs' where there are no GPUs.",
     "xsd:double", "1"),
    ("stragglers", "JSON array of [device or node, in what it stood out from the others]."),
    ("figureOfMerit", "JSON array of [what, how many units of work, where the program says so]."),
    ("energyPerUnit", "JSON array of [what, J per unit of work], from the measured energy."),
    ("emissions", "CO2 equivalent of the measured energy, by the configured intensity and PUE.",
     "xsd:double", "kg"),
    ("carbonIntensity", "CO2 equivalent per kWh, as configured.", "xsd:double", "g/kWh"),
    ("cost", "Price of the measured energy, by the configured price and PUE.", "xsd:double"),
    ("currency", "Currency of the cost."),
    ("tariffSource", "Who says what a kWh emits and costs, as of when, and of which energy."),
    ("meanClock", "Clock of the GPU's multiprocessors, mean.", "xsd:double", "Hz"),
    ("zoneKind", "gpu-instance, module, cpu, memory, core, platform, or node."),
    ("partOf", "UUID of the device that this one is a part of."),
    ("sensor", "Where the zone's figures are from."),
    ("meanPower", "Power of the GPU, mean over sampled time.", "xsd:double", "W"),
    ("maxPower", "Power of the GPU, highest sample.", "xsd:double", "W"),
    ("meanUtilisation", "Share of time in which the GPU ran any kernel, mean.", "xsd:double", "1"),
    ("maxUtilisation", "Share of time in which the GPU ran any kernel, highest.", "xsd:double",
     "1"),
    ("maxMemory", "Device memory in use on the GPU, by whomever, highest.", "xsd:long", "B"),
    ("maxTemperature", "Temperature of the GPU, highest.", "xsd:double", "Cel"),
    ("meanCpuUtilisation", "Share of the node's CPU time not idle, by whomever, mean.",
     "xsd:double", "1"),
    ("maxNodeMemory", "Memory in use on the node, by whomever, highest.", "xsd:long", "B"),
    ("coverage", "Share of the execution's time between its first and last sample.",
     "xsd:double", "1"),
    ("clockOffset", "By how much the node's clock was ahead of the launching host's, estimated; "
     "the node's times are corrected by it. Not there: not seen to be off.", "xsd:double", "s"),
    ("samplingInterval", "Time between samples, as asked for.", "xsd:double", "s"),
    ("jobUseSource", "Where the job's own use on the node is from: its control group, or its "
     "processes."),
    ("jobMaxMemory", "Anonymous and shared memory of the job on the node, highest sample.",
     "xsd:long", "B"),
    ("jobMemoryPeak", "The same as the kernel keeps it, with file caches; of processes: their sum.",
     "xsd:long", "B"),
    ("jobCpuTime", "CPU time of the job on the node, between the first and last sample.",
     "xsd:double", "s"),
    ("jobRead", "Bytes that the job has read on the node, in that time.", "xsd:long", "B"),
    ("jobWritten", "Bytes that the job has written on the node, in that time.", "xsd:long", "B"),
    ("diskRead", "Bytes read from the node's disks, by whomever.", "xsd:long", "B"),
    ("diskWritten", "Bytes written to the node's disks, by whomever.", "xsd:long", "B"),
    ("networkReceived", "Bytes that the node's network cards received.", "xsd:long", "B"),
    ("networkSent", "Bytes that the node's network cards sent.", "xsd:long", "B"),
    ("fabricReceived", "Bytes that InfiniBand or Slingshot received; of Slingshot a lower bound.",
     "xsd:long", "B"),
    ("fabricSent", "Bytes that InfiniBand or Slingshot sent; of Slingshot a lower bound.",
     "xsd:long", "B"),
    ("maxSwap", "Swap in use on the node, highest.", "xsd:long", "B"),
    ("maxLoad", "Load of the node over a minute, highest.", "xsd:double", "1"),
    ("nodeShare", "Where the job had a part of the node only: which, and what is node-wide."),
    ("agentWritten", "Bytes of samples that the agent wrote.", "xsd:long", "B"),
    ("lateSamples", "Samples taken late; their times are the true ones.", "xsd:int"),
    ("skippedSamples", "Samples not taken, as the one before took too long.", "xsd:int"),
    ("lostSamples", "Samples that the disk refused.", "xsd:int"),
    ("agentCpuTime", "CPU time of the node's agent.", "xsd:double", "s"),
    ("agentMaxMemory", "Resident memory of the node's agent, highest.", "xsd:long", "B"),
    ("rowCount", "Number of rows of a table, its header left out.", "xsd:int"),
    ("recordCount", "Number of records in an embedded document.", "xsd:int"),
    ("mlflowExperiment", "Identifier of the run's experiment."),
    ("mlflowStatus", "Status of the run, as MLflow has it."),
    ("pointCount", "Number of values of a metric.", "xsd:int"),
    ("firstValue", "First value of a metric, in the program's own unit.", "xsd:double"),
    ("lastValue", "Last value of a metric, in the program's own unit.", "xsd:double"),
    ("smallestValue", "Smallest value of a metric, in the program's own unit.", "xsd:double"),
    ("largestValue", "Largest value of a metric, in the program's own unit.", "xsd:double"),
    ("unit", "Unit of a metric's values (UCUM)."),
    ("columns", "JSON object: column of a table to its unit."),
    ("detail", "How much stands in the document: full (all figures of every node and GPU), gpu "
     "(their main figures), or node (the main figures of every node). The tables have the rest."),
    ("uuid", "The device's UUID as its driver gives it."),
    ("pciBusId", "The device's PCI address."),
    ("driverVersion", "Version of the device's driver."),
    ("leftOutCount", "Number of environment variables that were not kept.", "xsd:int"),
    ("cutVariables", "JSON array of the variables whose values were cut."),
    ("origin", "How a file is known of: an option, an argument, a directive, a standard stream, or "
     "by a look at the working directory."),
    ("inode", "Number of a file on its file system, where there is no checksum.", "xsd:long"),
    ("memberCount", "Number of files in a collection.", "xsd:long"),
    ("collectionSha256", "SHA-256 over the checksums and names of all files of a collection, in "
     "the form and order that docs/captured.md gives."),
    ("unhashedCount", "Number of files of a collection that have no checksum.", "xsd:long"),
    ("manifest", "Table of a collection's files, as a path in the job directory."),
    ("kernel", "Release of a node's kernel."),
    ("kernelBuild", "What a node's kernel says of how it was built."),
    ("operatingSystem", "A node's system, as its os-release file names it."),
    ("nodeModel", "Vendor and product of a node, as its firmware tells."),
    ("cpuModel", "Model of a node's processors."),
    ("cpuMicrocode", "Revision of the processors' microcode."),
    ("cpuGovernor", "What decides the processors' frequency."),
    ("cpuCount", "Number of logical processors that are on line.", "xsd:int"),
    ("socketCount", "Number of processor packages.", "xsd:int"),
    ("coresPerSocket", "Cores of the first package.", "xsd:int"),
    ("threadsPerCore", "Logical processors of the first core.", "xsd:int"),
    ("numaNodeCount", "Number of NUMA nodes.", "xsd:int"),
    ("maxCpuFrequency", "Highest frequency of the first processor.", "xsd:long", "Hz"),
    ("l3Cache", "Size of the first processor's level 3 cache, as the kernel writes it."),
    ("nodeMemory", "Memory of a node, to the nearest GiB.", "xsd:long", "B"),
    ("hugePages", "When a node's kernel makes huge pages: always, madvise or never."),
    ("gpuDriver", "Version of the loaded GPU driver."),
    ("interconnect", "JSON array of a node's network adapters."),
    ("note", "What should be known about this record."),
)  # fmt: skip

TERMS: dict[str, Term] = {
    **{name: Term(name, definition, datatype="") for name, definition in _CLASSES},
    **{entry[0]: Term(*entry) for entry in _PROPERTIES},
}


def term(name: str) -> str:
    """Return a term of ours with its prefix; KeyError if it is not defined here."""
    return f"run:{TERMS[name].name}"
