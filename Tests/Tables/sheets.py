#!/usr/bin/env python3
"""Writes the Excel files of the tests: python3 Tests/Tables/sheets.py NAME FILE

By openpyxl, by XlsxWriter, and by hand where only Excel itself writes such files.
"""

import datetime
import pathlib
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".tools/sheets"))
import openpyxl  # noqa: E402
import xlsxwriter  # noqa: E402


def orders(file):
    """Cells of all kinds, a blank row, errors, numbers as text, a value beyond the header; two sheets."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Orders"
    sheet.append(["id", "day", "amount", "note", "paid", "at", "took"])
    sheet.append([1, datetime.date(2026, 1, 5), 1.1, "007", True, datetime.time(10, 30), datetime.timedelta(hours=30)])
    sheet.append([2, datetime.datetime(2026, 1, 6, 12, 30, 15), 0.1 + 0.2, " a \"b\",\nc ", False, None, None])
    sheet.append([])
    sheet.append([3, datetime.date(1900, 1, 1), "12.5", "Größe"])
    sheet.append([4, None, None, "x"])
    sheet["C6"].value, sheet["C6"].data_type = "#DIV/0!", "e"
    sheet.append([5, None, 5, "far"])
    sheet["J7"] = "beyond"
    sheet["A9"] = 6
    sheet["B9"] = 60
    sheet["B9"].number_format = "yyyy-mm-dd"
    sheet["A10"], sheet["C10"] = 7, "=1+1"
    sheet["A11"], sheet["D11"] = "eight", "#N/A"
    book.create_sheet("Other").append(["x"])
    book.save(file)


def titled(file):
    """A title above the table, a total below it, and another table beside it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = "Sales of the year"
    for index, row in enumerate([["region", 2025, 2026], ["north", 1, 2], ["south", 3, None], ["sum", 4, 2]]):
        for place, value in enumerate(row):
            sheet.cell(index + 3, place + 2, value)
        sheet.cell(index + 3, 7, "aside")
    book.save(file)


def merged(file):
    """A header of two rows, whose upper one has merged cells, and merged cells among the rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["region", "sales", None], [None, "2025", "2026"], ["north", 1, 2], [None, 3, 4]]:
        sheet.append(row)
    for cells in ["A1:A2", "B1:C1", "A3:A4"]:
        sheet.merge_cells(cells)
    book.save(file)


def to_be_calculated(file):
    """Formulas whose values were never calculated: XlsxWriter writes 0 for each."""
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet("Sums")
    sheet.write_row(0, 0, ["id", "sum"])
    sheet.write(1, 0, 1)
    sheet.write_formula(1, 1, "=A2+41")
    sheet.write_row(2, 0, [2, 3])
    book.close()


def old_mac(file):
    """Days that are counted from 1904 on."""
    book = xlsxwriter.Workbook(file, {"date_1904": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["day"])
    sheet.write_datetime(1, 0, datetime.datetime(2026, 1, 5), book.add_format({"num_format": "dd/mm/yyyy"}))
    book.close()
    # What Excel adds for itself has an element of the same name, which says nothing of days.
    with zipfile.ZipFile(file) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    addition = (b'<extLst><ext xmlns:x15="http://schemas.microsoft.com/office/spreadsheetml/2010/11/main" '
                b'uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}"><x15:workbookPr chartTrackingRefBase="1"/></ext></extLst>')
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"</workbook>", addition + b"</workbook>")
    with zipfile.ZipFile(file, "w") as whole:
        for name, content in parts.items():
            whole.writestr(name, content)


def long(file):
    """More rows than are read at once."""
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "name"])
    for row in range(1, 20001):
        sheet.write_row(row, 0, [row, f"name {row} <&> ü"])
    book.close()


def office(file, cells=None, after=""):
    """As Excel itself writes: numbers of 17 digits, values of formulas, texts in parts, escaped signs, a chart."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006/relationships"
    cells = cells or (
        '<x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c r="B1" t="s"><x:v>1</x:v></x:c><x:c r="C1" t="inlineStr">'
        '<x:is><x:t>made</x:t></x:is></x:c></x:row>'
        '<x:row r="2"><x:c r="A2"><x:v>1.1000000000000001</x:v></x:c><x:c r="B2" t="s"><x:v>2</x:v></x:c>'
        '<x:c r="C2" s="1"><x:f>TODAY()</x:f><x:v>46027</x:v></x:c></x:row>'
        '<x:row r="3"><x:c r="A3"><x:v>1E+20</x:v></x:c><x:c r="B3" t="str"><x:f>""</x:f><x:v></x:v></x:c>'
        '<x:c r="C3" s="2"><x:v>46027.5</x:v></x:c></x:row>'
        '<x:row r="4"><x:c r="A4" t="e"><x:f>NA()</x:f><x:v>#N/A</x:v></x:c><x:c r="B4" t="s"><x:v>3</x:v></x:c></x:row>'
    )
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{packed}"><Relationship Id="r1" Type="{related}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><!-- made by hand --><x:workbook xmlns:x="{main}" xmlns:r="{related}">'
        '<x:sheets><x:sheet name="Chart" sheetId="1" r:id="r2"/><x:sheet name="Q&amp;A" sheetId="2" r:id="r1"/></x:sheets>'
        "</x:workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}">'
        f'<Relationship Id="r1" Type="{related}/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{related}/chartsheet" Target="chartsheets/sheet1.xml"/>'
        f'<Relationship Id="r3" Type="{related}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="r4" Type="{related}/styles" Target="styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<x:sst xmlns:x="{main}"><x:si><x:t>n</x:t></x:si><x:si><x:t>text</x:t></x:si>'
        "<x:si><x:r><x:t>bold</x:t></x:r><x:r><x:t xml:space=\"preserve\"> &amp; plain</x:t></x:r><x:rPh><x:t>said</x:t></x:rPh>"
        "</x:si><x:si><x:t>a_x000D_b_x005F_x0041_</x:t></x:si><x:si><x:t><![CDATA[a<b & ]]>c</x:t></x:si>"
        "<x:si><x:t>_xD83D__xDE00_</x:t></x:si></x:sst>",
        "xl/styles.xml": f'<x:styleSheet xmlns:x="{main}"><x:numFmts><x:numFmt numFmtId="164" '
        "formatCode='[$-409]d\\ mmm\\ yy;[Red]\"never > day\"'/><x:numFmt numFmtId=\"165\" "
        "formatCode='[=0]\"-\";yyyy\\-mm\\-dd'/></x:numFmts><x:cellStyleXfs><x:xf numFmtId=\"14\"/></x:cellStyleXfs>"
        '<x:cellXfs><x:xf numFmtId="0"/><x:xf numFmtId="164"/><x:xf numFmtId="22"/><x:xf numFmtId="46"/><x:xf numFmtId="165"/></x:cellXfs></x:styleSheet>',
        "xl/worksheets/sheet1.xml": f'<x:worksheet xmlns:x="{main}"><x:sheetData>{cells}</x:sheetData>{after}</x:worksheet>',
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)


def spelled(file):
    """What other programs write in other ways: CDATA, times by ISO 8601, conditions in formats, blanks, tags of other parts."""
    cells = [
        ('t="inlineStr"', "<x:is><x:t>v</x:t></x:is>"), ('t="s"', "<x:v>4</x:v>"),
        ('t="inlineStr"', "<x:is><x:t>x<![CDATA[<&>]]>y</x:t></x:is>"), ('t="s"', "<x:v>5</x:v>"),
        ('s="3"', "<x:v>-0.25</x:v>"), ('s="4"', "<x:v>46027</x:v>"), ('s="4"', "<x:v>0</x:v>"),
        ('t="d" s="1"', "<x:v>2026-01-05T00:00:00</x:v>"), ('t="d" s="2"', "<x:v>2026-01-05T12:30</x:v>"),
        ('t="b"', "<x:v>true</x:v>"), ("", "<x:v> 5 </x:v>"), ('t="str"', "<x:v><![CDATA[a]]]]><![CDATA[>b]]></x:v>"),
    ]
    rows = "".join(f"<x:row><x:c {kind}>{value}</x:c></x:row>" for kind, value in cells)
    office(file, rows, "<x:controls><x:row>1</x:row><x:row><x:c><x:v>9</x:v></x:c></x:row></x:controls>")


def disordered(file):
    """Rows that stand in another order than their numbers."""
    office(file, "".join(f'<x:row r="{row}"><x:c r="A{row}"><x:v>{row}</x:v></x:c></x:row>' for row in [1, 3, 2]))


def hostile(file):
    """A document type that would make more of a text than there is."""
    office(file)
    with zipfile.ZipFile(file) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts["xl/sharedStrings.xml"] = b'<!DOCTYPE s [<!ENTITY a "b">]><s/>'
    with zipfile.ZipFile(file, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)


globals()[sys.argv[1]](sys.argv[2])
