package graphsim

import "strings"

var givenNames = strings.Fields(`Anna Priya Mateo Chloé Kwame Yuki Lars Fatima Liam Zoë Łukasz Aisha Noah Ingrid Diego Mei Omar Sofia
Jürgen Amara Tomás Hana Oluwaseun Elena Ravi Saoirse Henrik Leila Marco Nguyệt Arjun Beatriz Callum Dilara Emil Farah Giulia Hugo Isla
Jamal Katarzyna Luca Maya Nikolai Olga Pedro Quentin Rosa Sven Thandiwe Ursula Viktor Wanjiru Xavier Yasmin Zeynep Adèle Björn Camila
Dmitri Esther Finn Gabriela Hassan Irina João Kenji Lucía Mohammed Nadia Oscar Paula Rashid Simone Tariq Una Vera William Ximena Yusuf
Åsa Benedikt Chidi Daniela Ewan Francesca Georgios Helena Ibrahim Jana Kofi Lena Miguel Nia Otto Petra Rohan Sanna Théo Valentina
Wei Ana Bruno Clara David Eva Felix Grace Hiroshi Ines Jonas Kamala Leon Marta Nils Ophelia Paul Ruth Samuel Tara`)

var surnames = strings.Fields(`Berg Natarajan Fernández Dubois Mensah Tanaka Svensson Al-Rashid O'Brien Janssen Kowalski Okafor Smith Haugen
Morales Chen Haddad Rossi Müller Diallo Silva Sato Adeyemi Petrova Sharma Murphy Lindqvist Karimi Bianchi Nguyễn Patel Costa Campbell
Yılmaz Hansen Rahman Conti Lefèvre Fraser Brown Nowak Ricci Cohen Volkov Ivanova Santos Moreau Jiménez Andersson Dlamini Schäfer Novák
Kamau Martin Hussain Demir Laurent Nilsson Torres Sokolov Goldberg Walsh Ferreira Abbas Popescu Pereira Yamamoto Herrera Khan Weber
Johansson Vargas Malik Girard Aziz Byrne Horvat Wilson Castro Osman Lund Richter Eze Romano Stewart Fontana Papadopoulos Virtanen Saleh
Svoboda Boateng Fischer Navarro Mbeki Wagner Zieliński Iyer Nyström Bernard Marino Zhang Oliveira Braun García Hoffmann Jones Baker Suzuki
Reyes Krüger Gupta Lambert Horváth Jensen Keller Møller Dvořák Park Quinn Rojas Sundaram Takahashi Ueda Vogel Wójcik Young Zimmermann
Acheampong Brandt Clarke Devi Eriksen Fuchs Greco Hughes Ilić Jovanović Kaya Larsen Mazur Ndiaye Ortiz Pham Rasmussen Singh Thompson Vidal`)

var cities = []string{"Berlin", "Toronto", "Lisbon", "Singapore", "Austin", "Kraków", "Nairobi", "Osaka", "Dublin", "São Paulo", "Oslo",
	"Lyon", "Pune", "Sydney", "Madrid", "Denver", "Milan", "Accra", "Leeds", "Seoul", "Zürich", "Bogotá", "Helsinki", "Boston"}

// plain maps what occurs in the names above to letters an address may have.
var plain = strings.NewReplacer("'", "", "å", "a", "ä", "ae", "á", "a", "ã", "a", "è", "e", "é", "e", "ë", "e", "ễ", "e", "ệ", "e", "í", "i",
	"ı", "i", "ö", "oe", "ø", "o", "ó", "o", "ü", "ue", "ú", "u", "ł", "l", "ń", "n", "ñ", "n", "ř", "r", "ć", "c", "ç", "c", "ž", "z")

func mailPart(name string) string { return plain.Replace(strings.ToLower(name)) }

// A department has its share of all people and its own job titles, most
// common first.
type department struct {
	name   string
	weight int
	titles []string
}

var departments = []department{
	{"Engineering", 22, []string{"Software Engineer", "Senior Software Engineer", "Test Engineer", "Site Reliability Engineer", "Engineering Manager", "Staff Engineer"}},
	{"Sales", 15, []string{"Account Executive", "Sales Representative", "Key Account Manager", "Sales Engineer", "Regional Sales Director"}},
	{"Customer Support", 14, []string{"Support Specialist", "Senior Support Specialist", "Support Team Lead", "Escalation Manager"}},
	{"Operations", 10, []string{"Operations Specialist", "Logistics Coordinator", "Process Manager", "Operations Director"}},
	{"Product", 7, []string{"Product Manager", "Product Designer", "UX Researcher", "Head of Product"}},
	{"Marketing", 7, []string{"Content Strategist", "Campaign Manager", "Graphic Designer", "Head of Brand"}},
	{"Finance", 6, []string{"Financial Analyst", "Accountant", "Controller", "Treasury Manager"}},
	{"Human Resources", 5, []string{"HR Business Partner", "Recruiter", "Learning Specialist", "Payroll Officer"}},
	{"IT Services", 5, []string{"System Administrator", "Service Desk Analyst", "Network Engineer", "IT Manager"}},
	{"Research", 4, []string{"Research Scientist", "Data Scientist", "Laboratory Technician", "Principal Scientist"}},
	{"Legal", 3, []string{"Legal Counsel", "Contract Manager", "Paralegal", "Data Protection Officer"}},
	{"Facilities", 2, []string{"Facility Manager", "Receptionist", "Security Officer", "Building Technician"}},
}
