"""Reports: tables made by SQL, written as HTML, CSV, XLSX and JSON."""
