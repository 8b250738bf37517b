# A Spack recipe; as `spack repo create mine && mkdir mine/packages/psisweep`, this file there.
from spack.package import *


class Psisweep(MakefilePackage):
    """Measures at which density pruned neural networks stop recovering: an MPI-scheduled sweep into
    one parallel HDF5 file, and collapse thresholds with intervals from it."""

    license("MIT")

    # no release yet: `spack dev-build psisweep@main` in a checkout
    version("main", branch="main")

    depends_on("c", type="build")
    depends_on("gmake", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("help2man", type="build")

    depends_on("mpi")
    depends_on("hdf5@1.10:+mpi+hl")
    depends_on("openblas threads=none")
    depends_on("libyaml")
    depends_on("zlib-api")
    depends_on("nlopt")
    depends_on("random123")
    depends_on("gnuplot", type="run")

    def make_arguments(self):
        return [f"PREFIX={self.prefix}", f"MPICC={self.spec['mpi'].mpicc}", "BLAS_DIR="]

    def build(self, spec, prefix):
        make("all", *self.make_arguments())

    def install(self, spec, prefix):
        make("install", *self.make_arguments())
