/* The program dist/pk: Python in one file, which starts with start.py and finds everything else behind its own end.
 *
 * `frozen.h` is written by build.py: FROZEN, start.py and the codecs which Python needs before it can run start.py.
 */
#include <Python.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "frozen.h"

/* _pk.load_library(path): load a shared library that extension modules name as theirs; raises OSError. */
static PyObject *load_library(PyObject *module, PyObject *path) {
    const char *text = PyUnicode_AsUTF8(path);
    if (text == NULL) return NULL;
    if (dlopen(text, RTLD_NOW | RTLD_GLOBAL) == NULL) return PyErr_Format(PyExc_OSError, "%s", dlerror());
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"load_library", load_library, METH_O, NULL}, {NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_pk", .m_size = 0, .m_methods = functions};

static PyObject *initialise_pk(void) { return PyModuleDef_Init(&definition); }

/* Python as this machine and its environment cannot change it: no PYTHON* variables, no directories, UTF-8. */
static PyStatus begin(int argc, char **argv, char *executable) {
    PyPreConfig before;
    PyPreConfig_InitPythonConfig(&before);
    before.parse_argv = 0;
    before.use_environment = 0;
    before.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status)) return status;

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.use_environment = 0;
    config.site_import = 0;
    config.user_site_directory = 0;
    config.write_bytecode = 0;
    config.pathconfig_warnings = 0;
    config.module_search_paths_set = 1;
    PyConfig_SetBytesString(&config, &config.executable, executable);
    PyConfig_SetBytesString(&config, &config.base_executable, executable);
    wchar_t **nowhere[] = {&config.home,        &config.prefix,          &config.exec_prefix,
                           &config.base_prefix, &config.base_exec_prefix, &config.stdlib_dir};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) PyConfig_SetString(&config, nowhere[i], L"");
    status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

int main(int argc, char **argv) {
    char executable[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length < 0) {
        fprintf(stderr, "pk reads itself through /proc, which is not mounted here.\n");
        return 1;
    }
    executable[length] = '\0';

    PyImport_FrozenModules = FROZEN;
    PyImport_AppendInittab("_pk", initialise_pk);
    PyStatus status = begin(argc, argv, executable);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    if (PyImport_ImportFrozenModule("start") < 0) PyErr_Print(); /* leaves, when it was SystemExit */
    return 1;
}
