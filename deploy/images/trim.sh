# trim.sh FOLDER: takes out of installed packages what they are tested and built with, and optional parts that no
# service asks for and that their packages do without. tests/deploy/test_images.py uses what is left.
set -eu
cd "$1"
find . -depth -type d \( -name tests -o -name include \) -exec rm -rf {} +
find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' -o -name '*.hpp' -o -name '*.c' \
    -o -name '*.cc' -o -name '*.cpp' -o -name '*.a' \) -exec rm -f {} +
rm -rf numpy/distutils sqlalchemy/testing river/datasets
# Arrow by network and from S3: built with or without, as by conda's pyarrow-core.
rm -f pyarrow/flight.py pyarrow/_flight.* pyarrow/libarrow_flight.* pyarrow/libarrow_python_flight.* \
    pyarrow/_s3fs.* pyarrow/libarrow_s3.*
